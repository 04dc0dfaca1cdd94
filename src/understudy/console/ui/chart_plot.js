/** The canvas of a chart: axes, scales, lines and the cursor by uPlot, the stacked bars by this module. */
import uPlot from "../vendor/uplot.js";

const HEIGHT = 240;
const LABEL_WIDTH = 72;
const MOST_BAR_WIDTH = 36;
const LINE_WIDTH = 1.5;

/**
 * @typedef {{kind: "bars" | "lines", labels: readonly string[], series: readonly {values: readonly (number | null)[], color?: number}[], formatAxis: (value: number) => string,
 *   isOpen: boolean, onMove: (index: number | null) => void}} PlotOptions
 */

export class Plot {
  /** @param {HTMLElement} frame @param {PlotOptions} options */
  constructor(frame, options) {
    const { kind, labels, series } = options;
    const totals = labels.map((_, index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0));
    const rows = kind === "bars" ? [totals] : series.map((one) => [...one.values]);
    const highest = Math.max(...rows.flat().map((value) => value ?? 0), 0);
    this.frame = frame;
    this.plot = new uPlot(plotOptions(frame, options, highest), /** @type {any} */ ([labels.map((_, index) => index), ...rows]), frame);
    this.observer = new ResizeObserver(() => this.plot.setSize({ width: frame.clientWidth, height: frame.clientHeight || HEIGHT }));
    this.observer.observe(frame);
  }

  /** @param {number | null} index of a bar; null hides the cursor */
  moveCursor(index) {
    this.plot.setCursor(index === null ? { left: -10, top: -10 } : { left: this.plot.valToPos(index, "x"), top: 0 }, false);
  }

  destroy() {
    this.observer.disconnect();
    this.plot.destroy();
  }
}

/**
 * @param {HTMLElement} frame
 * @param {PlotOptions} options
 * @param {number} highest the largest value, or sum of a bar
 * @returns {any}
 */
function plotOptions(frame, { kind, labels, series, formatAxis, isOpen, onMove }, highest) {
  const style = getComputedStyle(frame);
  const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const colors = series.map((one, index) => color(`--chart-${one.color ?? index + 1}`));
  const grid = { stroke: color("--line"), width: 1 };
  const axis = { stroke: color("--muted"), font: `12px ${style.fontFamily}`, ticks: { show: false } };
  return {
    width: frame.clientWidth, height: frame.clientHeight || HEIGHT, legend: { show: false }, padding: [12, 24, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: [0, highest * 1.05 || 1] } },
    series: [{}, ...(kind === "bars" ? [{ paths: () => null, points: { show: false } }] : colors.map((stroke) => ({ stroke, width: LINE_WIDTH, points: { size: 4, fill: stroke } })))],
    axes: [
      { ...axis, size: 28, grid: { show: false }, splits: (/** @type {any} */ plot) => shownBars(labels.length, plot.bbox.width / devicePixelRatio),
        values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((one) => labels[one] ?? "") },
      { ...axis, grid, size: axisSize, values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map(formatAxis) },
    ],
    hooks: {
      draw: kind === "lines" ? [] : [(/** @type {any} */ plot) => drawBars(plot, { values: series.map((one) => one.values), colors, isOpen, background: color("--bg") })],
      setCursor: [(/** @type {any} */ plot) => onMove(plot.cursor.left >= 0 ? plot.cursor.idx ?? null : null)],
    },
  };
}

/**
 * The bars that have a label: today's, and others at an equal distance before it.
 *
 * @param {number} count
 * @param {number} width in CSS pixels
 */
function shownBars(count, width) {
  const step = Math.max(Math.ceil((count * LABEL_WIDTH) / Math.max(width, 1)), 1);
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => count - 1 - index * step).reverse();
}

/** Room for the longest label. @param {any} plot @param {string[] | null} values */
function axisSize(plot, values) {
  const longest = (values ?? []).reduce((most, one) => Math.max(most, one.length), 0);
  return Math.max(32, 12 + longest * 7);
}

/**
 * @param {any} plot
 * @param {{values: readonly (readonly (number | null)[])[], colors: readonly string[], isOpen: boolean, background: string}} bars
 */
function drawBars(plot, { values, colors, isOpen, background }) {
  const context = plot.ctx;
  const count = plot.data[0].length;
  const width = Math.max(Math.min((plot.bbox.width / count) * 0.7, MOST_BAR_WIDTH * devicePixelRatio), 1);
  context.save();
  for (let index = 0; index < count; index += 1) {
    const left = plot.valToPos(index, "x", true) - width / 2;
    let sum = 0;
    for (const [position, series] of values.entries()) {
      const value = series[index] ?? 0;
      const bottom = plot.valToPos(sum, "y", true);
      sum += value;
      const top = plot.valToPos(sum, "y", true);
      if (value <= 0) continue;
      context.fillStyle = colors[position];
      context.fillRect(left, top, width, Math.max(bottom - top - (position ? devicePixelRatio : 0), 1));
    }
    if (isOpen && index === count - 1 && sum > 0) hatch(context, { left, width, top: plot.valToPos(sum, "y", true), bottom: plot.valToPos(0, "y", true) }, background);
  }
  context.restore();
}

/**
 * Stripes over a bar that still grows.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{left: number, width: number, top: number, bottom: number}} bar
 * @param {string} color
 */
function hatch(context, { left, width, top, bottom }, color) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, bottom - top);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1.5 * devicePixelRatio;
  context.beginPath();
  for (let y = top - width; y < bottom + width; y += 5 * devicePixelRatio) {
    context.moveTo(left, y + width);
    context.lineTo(left + width, y);
  }
  context.stroke();
  context.restore();
}
