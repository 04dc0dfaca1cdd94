/** The last hour of all nodes, by minute. */
import { formatAxisLatency, formatCompact, formatLatency, formatNumber, formatTime } from "../../lib/format.js";
import { chartsOf, countRequests } from "../../lib/health_history.js";
import { currentLocale, currentZone } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Chart } from "../../ui/chart.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useEffect, useRef } from "../../ui/view.js";

const REFRESH_MILLISECONDS = 15_000;

/** @param {{nodes: any[]}} props */
export function History({ nodes }) {
  const { data, error, reload } = useResource("/organization/health/history");
  const section = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // Charts that are being read stay as they are.
    const timer = setInterval(() => document.visibilityState === "visible" && !section.current?.matches(":hover, :focus-within") && reload(), REFRESH_MILLISECONDS);
    return () => clearInterval(timer);
  }, [reload]);
  const count = data?.node_ids.length ?? 0;
  const host = count > 1 ? t("health.history.nodes", { count: formatNumber(count, currentLocale()) }) : (nodes.find((node) => node.id === data?.node_id)?.host ?? data?.node_id ?? "");
  return html`<section class="stack" ref=${section}><div class="inline"><h2>${t("health.history")}</h2>
      ${data && html`<span class="muted"><bdi>${t(`health.history.scope.${data.scope}`, { host })}</bdi></span>`}</div>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${!data && error === null && html`<${Skeleton} rows=${4} />`}
    ${data && !countRequests(data.minutes) && html`<p class="muted">${t("health.history.none")}</p>`}
    ${data && html`<${Charts} minutes=${data.minutes} />`}</section>`;
}

/** @param {{minutes: any[]}} props */
function Charts({ minutes }) {
  const language = currentLocale();
  const labels = minutes.map((minute) => formatTime(minute.started_at, { zone: currentZone(), language }, new Date(minute.started_at * 1000)));
  const count = (/** @type {number} */ value) => formatNumber(value, language);
  return html`<div class="history-charts">${chartsOf(minutes).map((chart) => html`<${Chart} key=${chart.name} label=${t(`health.chart.${chart.name}`)} kind=${chart.kind}
    labels=${labels} series=${chart.series.map((one) => ({ ...one, name: t(`health.series.${one.name}`) }))} isOpen=${true} all=${t("health.history")} unit=${t("health.minute")}
    format=${(/** @type {number} */ value) => (chart.unit === "count" ? count(value) : formatLatency(value, language))}
    formatAxis=${(/** @type {number} */ value) => (chart.unit === "count" ? (Number.isInteger(value) ? formatCompact(value, language) : "") : formatAxisLatency(value, language))} />`)}</div>`;
}
