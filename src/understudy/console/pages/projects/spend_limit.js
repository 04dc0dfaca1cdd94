/** What a project or a key has spent, and its spend limit. */
import { post } from "../../api/client.js";
import { toDollars } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { confirm } from "../../ui/confirm.js";
import { Sentence } from "../../ui/sentence.js";
import { Money } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** Rows of a list of fields. @param {{credits: any}} props */
export function SpendRows({ credits }) {
  return html`<div><dt>${t("projects.spent")}</dt><dd><${Money} dollars=${toDollars(credits.spent_this_month)} /></dd></div>
    <div><dt>${t("projects.limit")}</dt><dd><${SpendLimit} limit=${credits.spend_limit} /></dd></div>`;
}

/** @param {{limit: {credits: number, period: string} | null}} props */
function SpendLimit({ limit }) {
  if (!limit) return html`<span class="muted">${t("projects.limit.none")}</span>`;
  return html`<${Sentence} text=${t(`projects.limit.of.${limit.period}`)} amount=${html`<${Money} dollars=${toDollars(limit.credits)} />`} />`;
}

/**
 * Asks, then removes a spend limit.
 *
 * @param {string} path of the credits
 * @param {object} body which names a key, for its limit
 * @param {(credits: any) => void} onDone
 */
export function askToRemoveLimit(path, body, onDone) {
  confirm({
    title: t("projects.remove-limit.title"), text: t("projects.remove-limit.text"), action: t("projects.remove-limit"),
    run: async () => onDone(await post(`${path}/limit`, { ...body, credits: null })),
  });
}
