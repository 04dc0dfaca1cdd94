/** Stacked bars over time: keys move a cursor that is read out, and a table has the same data. */
import { loadStyle } from "../app/page_outlet.js";
import { route, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";
import { settings } from "../state/settings.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { html, useEffect, useRef, useState } from "./view.js";

/**
 * @typedef {{name: string, values: readonly number[]}} Series
 * @typedef {{label: string, labels: readonly string[], series: readonly Series[], format: (value: number) => string,
 *   formatAxis: (value: number) => string, isOpen?: boolean, longLabels?: readonly string[]}} ChartProps `labels` name the bars;
 *   `isOpen`: the last one is not over; `label` names the chart and its unit
 */

/** @param {ChartProps} props */
export function Chart(props) {
  const isTable = route.value.query.get("view") === "table";
  const toggle = () => setQuery({ view: isTable ? null : "table" });
  useShortcuts([{ key: "t", label: t(isTable ? "chart.show-chart" : "chart.show-table"), run: toggle }]);
  return html`<section class="chart" aria-label=${props.label}>
    <div class="chart-head"><h2>${props.label}</h2><${Button} kind="quiet" icon=${isTable ? "chart-column" : "table"} shortcut="t" onClick=${toggle}>${t(isTable ? "chart.show-chart" : "chart.show-table")}<//></div>
    ${isTable ? html`<div class="table-frame" tabindex="0" role="group" aria-label=${`${props.label}: ${t("chart.show-table")}`}><${ChartTable} ...${props} /></div>` : html`<${Bars} ...${props} /><div class="visually-hidden"><${ChartTable} ...${props} /></div>`}
  </section>`;
}

/** @param {ChartProps} props */
function Bars({ label, labels, longLabels = labels, series, format, formatAxis, isOpen = false }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {import("./chart_plot.js").Plot | null} */ (null));
  const [index, setIndex] = useState(/** @type {number | null} */ (null));
  const isDark = useDarkTheme();
  useEffect(() => {
    let isCurrent = true;
    Promise.all([import("./chart_plot.js"), loadStyle("vendor/uplot.css")]).then(([{ Plot }]) => {
      if (isCurrent && frame.current) plot.current = new Plot(frame.current, { labels, series, formatAxis, isOpen, onMove: setIndex });
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
  const value = (/** @type {Series} */ one) => one.values[index ?? -1] ?? 0;
  const total = series.reduce((sum, one) => sum + (index === null ? one.values.reduce((a, b) => a + b, 0) : value(one)), 0);
  const parts = index === null ? [] : series.filter((one) => value(one) > 0).map((one) => `${one.name} ${format(value(one))}`);
  const title = index === null ? t("chart.all") : longLabels[index];
  return html`<p class="chart-readout"><strong>${title}</strong><span class="chart-total">${format(total)}</span>
      <span class="chart-legend">${series.map((one, position) => html`<span key=${one.name}><i class="swatch is-${position + 1}"></i><bdi>${one.name}</bdi>${index !== null && html` <b>${format(value(one))}</b>`}</span>`)}</span></p>
    <div class="chart-frame" ref=${frame} role="slider" tabindex="0" aria-label=${t("chart.cursor", { name: label })} aria-valuemin="0" aria-valuemax=${last}
      aria-valuenow=${index ?? last} aria-valuetext=${[`${title}: ${format(total)}`, ...parts].join(", ")} onKeyDown=${move} onBlur=${() => { setIndex(null); plot.current?.moveCursor(null); }}></div>`;
}

/** @param {string} key @param {number} index @param {number} last @returns {number | null} */
function nextIndex(key, index, last) {
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowLeft" || key === "ArrowDown") return Math.max(index - 1, 0);
  return key === "ArrowRight" || key === "ArrowUp" ? Math.min(index + 1, last) : null;
}

/** @param {ChartProps} props */
function ChartTable({ label, labels, longLabels = labels, series, format }) {
  const total = (/** @type {number} */ index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0);
  return html`<table class="figures"><caption class="visually-hidden">${label}</caption>
    <thead><tr><th scope="col">${t("chart.day")}</th><th scope="col" class="number">${t("chart.total")}</th>${series.map((one) => html`<th scope="col" class="number" key=${one.name}><bdi>${one.name}</bdi></th>`)}</tr></thead>
    <tbody>${longLabels.map((day, index) => ({ day, index })).reverse().map(({ day, index }) => html`<tr key=${day}><th scope="row">${day}</th><td class="number">${format(total(index))}</td>
      ${series.map((one) => html`<td class="number" key=${one.name}>${format(one.values[index] ?? 0)}</td>`)}</tr>`)}</tbody></table>`;
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
