/** What was spent and used: by day as a chart, by model or key as a table, and what is left. */
import { route, setQuery } from "../../app/router.js";
import { formatCsv } from "../../lib/csv.js";
import { METRICS } from "../../lib/usage.js";
import { currentZone } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { downloadText } from "../../ui/download.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Chip } from "../../ui/filters.js";
import { Page } from "../../ui/page.js";
import { Segments } from "../../ui/segments.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";
import { Breakdown } from "./breakdown.js";
import { KeyTable } from "./key_table.js";
import { Tiles } from "./tiles.js";
import { UsageChart } from "./usage_chart.js";
import { useReport } from "./usage_report.js";
import { ScopeChoice, usageKind, useUsageNames } from "./usage_scope.js";

const RANGES = ["7", "30", "90"];
/** What an admin key can group by all projects, and a project's key its own usage. */
const GROUPINGS = { admin: ["project", "model", "key"], project: ["model", "key"] };

export const style = "usage.css";

/** A parameter of the URL, whose first option is the default. @param {string} name @param {readonly string[]} options */
function useChoice(name, options) {
  const value = route.value.query.get(name) ?? "";
  const chosen = options.includes(value) ? value : options[0] ?? "";
  return { value: chosen, change: (/** @type {string} */ next) => setQuery({ [name]: next === options[0] ? null : next }) };
}

export default function UsagePage() {
  const range = useChoice("days", ["30", "7", "90"]);
  const kind = usageKind();
  const grouping = useChoice("by", GROUPINGS[kind]);
  const metric = useChoice("metric", METRICS);
  const by = /** @type {import("./usage_report.js").Grouping} */ (grouping.value);
  const { report, by: loadedBy, error, reload } = useReport(Number(range.value), by, currentZone(), kind);
  const isProject = kind === "project";
  const { keys, balance, known } = useUsageNames(isProject);
  const only = route.value.query.get("only");
  const group = report && loadedBy === by ? report.groups.find((one) => one.name === only) : undefined;
  const visible = report && group ? { ...report, groups: [group], total: group.total, totals: group.days } : report;
  const nameOf = (/** @type {string} */ name) => groupName(name, loadedBy, known);
  const changeGrouping = (/** @type {string} */ next) => setQuery({ by: next === GROUPINGS[kind][0] ? null : next, only: null });
  const actions = html`<${Button} icon="download" disabled=${!report} onClick=${() => visible && downloadReport(visible, loadedBy, nameOf)}>CSV<//>`;
  return html`<${Page} title=${t("usage.title")} actions=${actions}>
    <div class="toolbar">
      <${ScopeChoice} />
      <${Segments} label=${t("usage.range")} value=${range.value} onChange=${range.change} options=${RANGES.map((value) => ({ value, label: t("usage.days", { count: Number(value) }) }))} />
      <${Segments} label=${t("usage.by")} value=${by} onChange=${changeGrouping} options=${GROUPINGS[kind].map((value) => ({ value, label: t(`usage.by.${value}`) }))} />
      ${group && html`<${Chip} label=${nameOf(group.name)} onRemove=${() => setQuery({ only: null })} />`}
      <span class="spring"></span><small class="muted">${t("usage.zone", { zone: currentZone() })}</small>
    </div>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    <${Tiles} total=${visible?.total ?? null} balance=${balance} metric=${metric.value} onMetric=${metric.change} />
    ${!report && error === null && html`<${Skeleton} rows=${8} />`}
    ${report && !report.groups.length && html`<${Empty} icon="chart-column" title=${t("usage.empty")} text=${t("usage.empty.text")} />`}
    ${visible && report && report.groups.length > 0 && html`<${UsageChart} report=${visible} metric=${metric.value} nameOf=${nameOf} />
      <${Breakdown} report=${report} by=${loadedBy} metric=${metric.value} only=${group?.name ?? null} nameOf=${nameOf} />`}
    ${isProject && html`<${KeyTable} keys=${keys} />`}
  <//>`;
}

/** @param {string} name @param {string} by @param {readonly any[]} known keys and projects */
function groupName(name, by, known) {
  if (by !== "model") return name === "" ? t("usage.no-key") : known.find((one) => one.id === name)?.name ?? name;
  return name === "" ? t("usage.no-model") : name;
}

/** @param {import("../../lib/usage.js").Report} report @param {string} by @param {(name: string) => string} nameOf */
function downloadReport({ days, groups }, by, nameOf) {
  const rows = days.flatMap((day, index) => groups.flatMap((group) => {
    const sums = group.days[index];
    return sums && METRICS.some((metric) => sums[metric]) ? [[day, nameOf(group.name), sums.requests, sums.input, sums.output, sums.inputAudio, sums.outputAudio, sums.spend]] : [];
  }));
  const csv = formatCsv([["day", by, "requests", "input_tokens", "output_tokens", "input_audio_tokens", "output_audio_tokens", "usd"], ...rows]);
  downloadText(csv, `usage-${days[0]}-${days.at(-1)}-${by}.csv`);
}
