/** The last hour of a node as series of charts. Knows no texts: charts and series have names. */

/**
 * @typedef {"requests" | "latency" | "first_delta" | "loop_lag" | "waiting"} ChartName
 * @typedef {{name: ChartName, kind: "bars" | "lines", unit: "count" | "milliseconds", series: {name: string, values: (number | null)[], color?: number}[]}} HistoryChart
 */

/** Neither that of success nor the one next to it. */
const ERROR_COLOR = 4;

/**
 * The charts that have something to show; requests and latency are always there.
 *
 * @param {readonly any[]} minutes of the API's history
 * @returns {HistoryChart[]}
 */
export function chartsOf(minutes) {
  const column = (/** @type {string} */ name, /** @type {string} */ member, factor = 1) =>
    ({ name, values: minutes.map((minute) => (minute[member] === null ? null : minute[member] * factor)) });
  /** @type {HistoryChart[]} */
  const charts = [
    { name: "requests", kind: "bars", unit: "count", series: [
      { name: "succeeded", values: minutes.map((minute) => minute.requests - minute.errors - minute.limited) }, column("limited", "limited"), { ...column("errors", "errors"), color: ERROR_COLOR }] },
    { name: "latency", kind: "lines", unit: "milliseconds", series: [column("p50", "latency_p50_ms"), column("p95", "latency_p95_ms")] },
    { name: "first_delta", kind: "lines", unit: "milliseconds", series: [column("p50", "first_delta_p50_ms"), column("p95", "first_delta_p95_ms")] },
    { name: "loop_lag", kind: "lines", unit: "milliseconds", series: [column("longest", "loop_lag_ms")] },
    { name: "waiting", kind: "lines", unit: "milliseconds", series: [column("oldest", "oldest_waiting_seconds", 1000)] },
  ];
  return charts.filter(({ name, series }) => name === "requests" || name === "latency" || series.some((one) => one.values.some((value) => value !== null)));
}

/** @param {readonly any[]} minutes */
export const countRequests = (minutes) => minutes.reduce((sum, minute) => sum + minute.requests, 0);
