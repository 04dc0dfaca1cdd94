import { pagerOf } from "../../api/pager.js";
import { toDollars } from "../../lib/credits.js";
import { hasText, t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Skeleton } from "../../ui/states.js";
import { Money, Name, Time } from "../../ui/values.js";
import { html, useEffect, useMemo } from "../../ui/view.js";

/** Every change of a balance, newest first. @param {{path: string}} props */
export function CreditHistory({ path }) {
  const { pager } = useMemo(() => pagerOf(path), [path]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const rows = pager.rows.value;
  if (pager.error.value !== null) return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`;
  return html`<section class="stack-small"><h2>${t("projects.history")}</h2>
    ${!rows.length && (pager.state.value === "loading" ? html`<${Skeleton} rows=${3} />` : html`<p class="muted">${t("projects.history.none")}</p>`)}
    ${rows.length > 0 && html`<div class="table-frame"><table class="figures is-wide">
      <thead><tr><th scope="col">${t("projects.history.reference")}</th><th scope="col">${t("projects.history.type")}</th><th scope="col" class="number priority-2">${t("projects.history.created_at")}</th><th scope="col" class="number">${t("projects.history.amount")}</th></tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.id}><th scope="row"><${Name} text=${row.model ?? row.reference} /></th>
        <td>${hasText(`projects.entry.${row["type"]}`) ? t(`projects.entry.${row["type"]}`) : row["type"]}</td>
        <td class="number priority-2"><${Time} at=${row["created_at"]} /></td>
        <td class="number ${row["credits"] > 0 ? "amount-in" : ""}"><${Money} dollars=${toDollars(row["credits"])} /></td></tr>`)}</tbody></table></div>
      ${pager.hasMore.value && html`<${Button} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}`}</section>`;
}
