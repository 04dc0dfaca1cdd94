/** Stacked bars, or lines, over time: keys move a cursor that is read out, and a table has the same data. */
import { loadStyle } from "../app/page_outlet.js";
import { route, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";
import { settings } from "../state/settings.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { html, useEffect, useRef, useState } from "./view.js";

/**
 * @typedef {{name: string, values: readonly (number | null)[], color?: number}} Series null is unknown, and a gap of a line;
 *   `color` is the number of a token, the place in the list unless it is set
 * @typedef {{label: string, labels: readonly string[], series: readonly Series[], format: (value: number) => string,
 *   formatAxis: (value: number) => string, kind?: "bars" | "lines", isOpen?: boolean, longLabels?: readonly string[], all?: string,
 *   unit?: string}} ChartProps `label` names the chart and its unit, `labels` the bars, `unit` what a bar is, `all` their
 *   sum; `isOpen`: the last bar is not over
 */

/** @param {ChartProps} props */
export function Chart(props) {
  const isTable = route.value.query.get("view") === "table";
  const toggle = () => setQuery({ view: isTable ? null : "table" });
  useShortcuts([{ key: "t", label: t(isTable ? "chart.show-chart" : "chart.show-table"), run: toggle }]);
  return html`<section class="chart" aria-label=${props.label}>
    <div class="chart-head"><h2>${props.label}</h2><${Button} kind="quiet" icon=${isTable ? "chart-column" : "table"} shortcut="t" onClick=${toggle}>${t(isTable ? "chart.show-chart" : "chart.show-table")}<//></div>
    ${isTable ? html`<div class="table-frame" tabindex="0" role="group" aria-label=${`${props.label}: ${t("chart.show-table")}`}><${ChartTable} ...${props} /></div>` : html`<${Canvas} ...${props} /><div class="visually-hidden"><${ChartTable} ...${props} /></div>`}
  </section>`;
}

/** @param {ChartProps} props */
function Canvas({ label, labels, longLabels = labels, series, format, formatAxis, kind = "bars", isOpen = false, all = t("chart.all") }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {import("./chart_plot.js").Plot | null} */ (null));
  const [index, setIndex] = useState(/** @type {number | null} */ (null));
  const isDark = useDarkTheme();
  useEffect(() => {
    let isCurrent = true;
    Promise.all([import("./chart_plot.js"), loadStyle("vendor/uplot.css")]).then(([{ Plot }]) => {
      if (isCurrent && frame.current) plot.current = new Plot(frame.current, { kind, labels, series, formatAxis, isOpen, onMove: setIndex });
    });
    return () => {
      isCurrent = false;
      plot.current?.destroy();
      plot.current = null;
    };
  }, [JSON.stringify([labels, series]), isDark, settings.value.theme]);
  const last = labels.length - 1;
  const move = (/** @type {KeyboardEvent} */ event) => {
    const next = nextIndex(event.key, index ?? last, last);
    if (next === null) return;
    event.preventDefault();
    setIndex(next);
    plot.current?.moveCursor(next);
  };
  // A line has no sum: without a cursor, its latest values are read.
  const at = kind === "lines" ? index ?? lastKnown(series, last) : index;
  const value = (/** @type {Series} */ one) => one.values[at ?? -1] ?? null;
  const text = (/** @type {number | null} */ number) => (number === null ? "—" : format(number));
  const total = series.reduce((sum, one) => sum + (at === null ? one.values.reduce((/** @type {number} */ a, b) => a + (b ?? 0), 0) : value(one) ?? 0), 0);
  const parts = at === null ? [] : series.filter((one) => value(one)).map((one) => `${one.name} ${text(value(one))}`);
  const title = at === null ? all : longLabels[at];
  const spoken = kind === "lines" ? title : `${title}: ${format(total)}`;
  return html`<p class="chart-readout"><strong>${title}</strong>${kind === "bars" && html`<span class="chart-total">${format(total)}</span>`}
      <span class="chart-legend">${series.map((one, position) => html`<span key=${one.name}><i class="swatch is-${one.color ?? position + 1}"></i><bdi>${one.name}</bdi>${at !== null && html` <b>${text(value(one))}</b>`}</span>`)}</span></p>
    <div class="chart-frame" ref=${frame} role="slider" tabindex="0" aria-label=${t("chart.cursor", { name: label })} aria-valuemin="0" aria-valuemax=${last}
      aria-valuenow=${index ?? last} aria-valuetext=${[spoken, ...parts].join(", ")} onKeyDown=${move} onBlur=${() => { setIndex(null); plot.current?.moveCursor(null); }}></div>`;
}

/** The last place where a series has a value. @param {readonly Series[]} series @param {number} last */
function lastKnown(series, last) {
  const found = Math.max(...series.map((one) => one.values.findLastIndex((value) => value !== null)));
  return found < 0 ? last : found;
}

/** @param {string} key @param {number} index @param {number} last @returns {number | null} */
function nextIndex(key, index, last) {
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowLeft" || key === "ArrowDown") return Math.max(index - 1, 0);
  return key === "ArrowRight" || key === "ArrowUp" ? Math.min(index + 1, last) : null;
}

/** @param {ChartProps} props */
function ChartTable({ label, labels, longLabels = labels, series, format, kind = "bars", unit = t("chart.day") }) {
  const hasTotal = kind === "bars";
  const total = (/** @type {number} */ index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0);
  const text = (/** @type {number | null | undefined} */ value) => (value === null || value === undefined ? (hasTotal ? format(0) : "—") : format(value));
  return html`<table class="figures"><caption class="visually-hidden">${label}</caption>
    <thead><tr><th scope="col">${unit}</th>${hasTotal && html`<th scope="col" class="number">${t("chart.total")}</th>`}${series.map((one) => html`<th scope="col" class="number" key=${one.name}><bdi>${one.name}</bdi></th>`)}</tr></thead>
    <tbody>${longLabels.map((name, index) => ({ name, index })).reverse().map(({ name, index }) => html`<tr key=${index}><th scope="row">${name}</th>${hasTotal && html`<td class="number">${format(total(index))}</td>`}
      ${series.map((one) => html`<td class="number" key=${one.name}>${text(one.values[index])}</td>`)}</tr>`)}</tbody></table>`;
}

/** Whether the device prefers the dark theme; the canvas is drawn again when that changes. */
function useDarkTheme() {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const onChange = () => setDark(query.matches);
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, []);
  return isDark;
}
