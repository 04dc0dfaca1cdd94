import { formatAxisMoney, formatCompact, formatMoney, formatNumber, formatShortDay } from "../../lib/format.js";
import { secondsOfDay, seriesOf } from "../../lib/usage.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Chart } from "../../ui/chart.js";
import { html } from "../../ui/view.js";

/** @param {{report: import("../../lib/usage.js").Report, metric: string, nameOf: (name: string) => string}} props */
export function UsageChart({ report, metric, nameOf }) {
  const language = currentLocale();
  const days = report.days.map(secondsOfDay);
  const isMoney = metric === "spend";
  const series = seriesOf(report, /** @type {any} */ (metric)).map((one) => ({ ...one, name: one.name === null ? t("usage.others") : nameOf(one.name) }));
  if (!series.length) return html`<p class="muted">${t("usage.none-of-metric", { metric: t(`usage.metric.${metric}`) })}</p>`;
  return html`<${Chart} label=${t("usage.by-day", { metric: t(`usage.metric.${metric}`) })} series=${series} isOpen=${true}
    labels=${days.map((day) => formatShortDay(day, language))} longLabels=${days.map((day) => formatShortDay(day, language, true))}
    format=${(/** @type {number} */ value) => (isMoney ? formatMoney(value, language) : formatNumber(value, language))}
    formatAxis=${(/** @type {number} */ value) => (isMoney ? formatAxisMoney(value, language) : formatCompact(value, language))} />`;
}
