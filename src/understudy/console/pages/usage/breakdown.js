import { setQuery } from "../../app/router.js";
import { seriesOf } from "../../lib/usage.js";
import { t } from "../../text/texts.js";
import { Count, Money, Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/**
 * The sums of each model or key, with its share of the chosen figure; one row can be chosen, which filters the page.
 *
 * @param {{report: import("../../lib/usage.js").Report, by: string, metric: string, only: string | null, nameOf: (name: string) => string}} props
 */
export function Breakdown({ report, by, metric, only, nameOf }) {
  const chosen = /** @type {import("../../lib/usage.js").Metric} */ (metric);
  const colors = seriesOf(report, chosen).map((one) => one.name);
  const rows = [...report.groups].sort((a, b) => b.total[chosen] - a.total[chosen]);
  return html`<section class="stack-small"><h2>${t(`usage.table.${by}`)}</h2><div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t(`usage.by.${by}`)}</th><th scope="col" class="number priority-2">${t("usage.metric.requests")}</th><th scope="col" class="number priority-2">${t("usage.metric.input")}</th>
      <th scope="col" class="number priority-2">${t("usage.metric.output")}</th><th scope="col" class="number">${t("usage.metric.spend")}</th><th scope="col">${t("usage.share")}</th></tr></thead>
    <tbody>${rows.map((group) => html`<tr key=${group.name} class=${group.name === only ? "is-current" : ""}>
      <th scope="row"><i class="swatch is-${only === null ? colors.indexOf(group.name) + 1 : group.name === only ? 1 : 0}"></i><button type="button" class="link" aria-pressed=${group.name === only} title=${t("usage.only")}
        onClick=${() => setQuery({ only: group.name === only ? null : group.name })}><${Name} text=${nameOf(group.name)} /></button></th>
      <td class="number priority-2"><${Count} value=${group.total.requests} /></td><td class="number priority-2"><${Count} value=${group.total.input} /></td><td class="number priority-2"><${Count} value=${group.total.output} /></td>
      <td class="number"><${Money} dollars=${group.total.spend} /></td><td><${Share} part=${group.total[chosen]} whole=${report.total[chosen]} /></td></tr>`)}</tbody></table></div></section>`;
}

/** @param {{part: number, whole: number}} props */
export function Share({ part, whole }) {
  const percent = whole > 0 ? (100 * part) / whole : 0;
  return html`<span class="share"><span class="share-bar" aria-hidden="true"><i style=${{ inlineSize: `${Math.min(percent, 100)}%` }}></i></span><span>${percent > 0 && percent < 1 ? "<1" : Math.round(percent)} %</span></span>`;
}
