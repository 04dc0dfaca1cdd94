import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Sentence } from "../../ui/sentence.js";
import { Badge, Money, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { Share } from "./breakdown.js";

/** The project's keys and what is left of their limits. @param {{keys: import("../../ui/resource.js").Resource<any>}} props */
export function KeyTable({ keys }) {
  if (keys.error !== null) return html`<${ErrorNote} error=${keys.error} onRetry=${keys.reload} />`;
  return html`<section class="stack-small"><h2>${t("usage.keys")}</h2><div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t("usage.key.name")}</th><th scope="col" class="priority-2">${t("usage.key.prefix")}</th><th scope="col" class="number priority-2">${t("usage.key.created")}</th><th scope="col" class="number">${t("usage.key.spent")}</th><th scope="col">${t("usage.key.limit")}</th></tr></thead>
    <tbody>${(keys.data?.data ?? []).map((/** @type {any} */ key) => html`<tr key=${key.id} class=${key.revoked_at ? "muted" : ""}>
      <th scope="row"><${Name} text=${key.name} empty=${key.id} /> ${key.revoked_at && html`<${Badge} state="expired" label=${t("usage.key.revoked")} />`}</th>
      <td class="mono priority-2">${key.prefix}</td><td class="number priority-2"><${Time} at=${Date.parse(key.created_at) / 1000} /></td>
      ${key.spend_limit ? html`<td class="number"><${Money} dollars=${key.spend_limit.spent} /></td><td><${Share} part=${key.spend_limit.spent} whole=${key.spend_limit.amount} /> <small class="muted"><${Sentence} text=${t(`usage.key.of.${key.spend_limit.period}`)} amount=${html`<${Money} dollars=${key.spend_limit.amount} />`} /></small></td>`
        : html`<td class="number muted">—</td><td class="muted">${t("usage.key.no-limit")}</td>`}</tr>`)}</tbody></table></div></section>`;
}
