import { hrefOf } from "../../app/router.js";
import { formatCompact, formatMoney } from "../../lib/format.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

/** The figures of now and of today; each leads to its page. @param {{overview: import("./overview_data.js").OverviewData}} props */
export function OverviewTiles({ overview: { active, failed, costs, usage } }) {
  const language = currentLocale();
  const sum = (/** @type {any} */ page, /** @type {(result: any) => number} */ of) => page?.data.flatMap((/** @type {any} */ bucket) => bucket.results).reduce((/** @type {number} */ total, /** @type {any} */ one) => total + of(one), 0);
  const compact = (/** @type {number | undefined} */ value) => (value === undefined ? "—" : formatCompact(value, language));
  const spend = sum(costs.data, (one) => one.amount.value);
  const tiles = [
    { name: "running", value: countOf(active.data), href: hrefOf("runs") },
    { name: "failed", value: countOf(failed.data), href: hrefOf("runs", { status: "failed" }), isBad: failed.data?.data.length > 0 },
    { name: "spend", value: formatMoney(spend, language), href: hrefOf("usage", { days: "7" }) },
    { name: "requests", value: compact(sum(usage.data, (one) => one.num_model_requests)), href: hrefOf("usage", { days: "7", metric: "requests" }) },
    { name: "tokens", value: compact(sum(usage.data, (one) => one.input_tokens + one.output_tokens)), href: hrefOf("usage", { days: "7", metric: "input" }) },
  ];
  return html`<div class="overview-tiles">${tiles.map((tile) => html`<a key=${tile.name} class="tile ${tile.isBad ? "is-bad" : ""}" href=${tile.href}>
    <span class="tile-label">${t(`start.tile.${tile.name}`)}</span><span class="tile-value">${tile.value}</span></a>`)}</div>`;
}

/** The number of runs on a page; with a plus sign if there are more. @param {any} page */
function countOf(page) {
  return page === null ? "—" : `${page.data.length}${page.has_more ? "+" : ""}`;
}
