import { formatCompact, formatMoney, formatNumber } from "../../lib/format.js";
import { METRICS } from "../../lib/usage.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

const CREDITS_PER_DOLLAR = 2_000_000;

/**
 * The sums of the period; the chosen one is what the chart shows. Only a single project has a balance.
 *
 * @param {{total: import("../../lib/usage.js").Sums | null, balance?: any, metric: string, onMetric: (metric: string) => void}} props
 */
export function Tiles({ total, balance, metric, onMetric }) {
  const language = currentLocale();
  return html`<div class="tiles ${balance === undefined ? "is-whole" : ""}">
    <div class="tiles-choice" role="group" aria-label=${t("usage.metric")}>${METRICS.map((one) => html`<button type="button" key=${one} class="tile" aria-pressed=${one === metric} onClick=${() => onMetric(one)}>
      <span class="tile-label">${t(`usage.metric.${one}`)}</span>
      <span class="tile-value" title=${total ? (one === "spend" ? formatMoney(total.spend, language) : formatNumber(total[one], language)) : undefined}>${total ? (one === "spend" ? formatMoney(total.spend, language) : formatCompact(total[one], language)) : "—"}</span>${audioNote(total, one)}</button>`)}</div>
    ${balance !== undefined && html`<${Balance} balance=${balance} />`}
  </div>`;
}

/** How many of the tokens are audio, if any. @param {import("../../lib/usage.js").Sums | null} total @param {import("../../lib/usage.js").Metric} metric */
function audioNote(total, metric) {
  const count = metric === "input" ? total?.inputAudio : metric === "output" ? total?.outputAudio : 0;
  return count ? html`<small class="muted">${t("usage.audio", { count: formatNumber(count, currentLocale()) })}</small>` : null;
}

/** @param {{balance: any}} props */
function Balance({ balance }) {
  const isLimited = balance && !(balance.balance <= 0 && balance.status === "current");
  const state = balance?.status === "depleted" ? "depleted" : balance?.lowBalance ? "low" : "current";
  const value = isLimited ? formatMoney(balance.balance / CREDITS_PER_DOLLAR, currentLocale()) : balance ? t("usage.balance.none") : "—";
  return html`<div class="tile is-plain"><span class="tile-label">${t("usage.balance")}</span><span class="tile-value ${isLimited ? "" : "is-text"}">${value}</span>
    ${isLimited && state !== "current" && html`<small class="tile-note">${t(`usage.balance.${state}`)}</small>`}
    ${balance && !isLimited && html`<small class="muted">${t("usage.balance.none.text")}</small>`}</div>`;
}
