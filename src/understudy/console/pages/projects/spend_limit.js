import { toDollars } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { Sentence } from "../../ui/sentence.js";
import { Money } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {{limit: {credits: number, period: string} | null}} props */
export function SpendLimit({ limit }) {
  if (!limit) return html`<span class="muted">${t("projects.limit.none")}</span>`;
  return html`<${Sentence} text=${t(`projects.limit.of.${limit.period}`)} amount=${html`<${Money} dollars=${toDollars(limit.credits)} />`} />`;
}
