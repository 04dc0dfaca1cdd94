/** Where the bars of a timeline are, as shares of its axis. Knows no browser. */

/**
 * @typedef {{id: string, kind: "queued" | "model_turn" | "tool" | "wait", name: string, status: string,
 *   started_at_ms: number, first_delta_at_ms: number | null, ended_at_ms: number | null, call_id: string | null,
 *   usage: {prompt_tokens: number, completion_tokens: number} | null, cost: number | null}} Span
 *
 * @typedef {{start: number, length: number, lead: number}} Bar shares of the axis from 0 to 1; `lead` is the share of the
 *   bar before the first delta
 */

/**
 * The axis of a trace: its first moment, and its length in milliseconds, at least one.
 *
 * @param {readonly Span[]} spans
 * @param {number} now the end of what has not ended
 */
export function axisOf(spans, now) {
  const start = Math.min(...spans.map((span) => span.started_at_ms));
  const end = Math.max(...spans.map((span) => span.ended_at_ms ?? Math.max(now, span.started_at_ms)));
  return spans.length ? { start, length: Math.max(end - start, 1) } : { start: now, length: 1 };
}

/**
 * @param {Span} span
 * @param {{start: number, length: number}} axis
 * @returns {Bar} one that never leaves the axis
 */
export function barOf(span, axis) {
  const end = span.ended_at_ms ?? axis.start + axis.length;
  const start = clamp((span.started_at_ms - axis.start) / axis.length);
  const length = clamp((end - axis.start) / axis.length) - start;
  // Of the part of the bar that is on the axis.
  const lead = span.first_delta_at_ms === null ? 0 : clamp((clamp((span.first_delta_at_ms - axis.start) / axis.length) - start) / Math.max(length, 1e-9));
  return { start, length, lead };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Round distances between marks, as people count time. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, ...[1, 2, 5, 10, 15, 30].map((one) => one * SECOND), ...[1, 2, 5, 10, 15, 30].map((one) => one * MINUTE), ...[1, 2, 6, 12, 24].map((one) => one * HOUR)];

export const MOST_ZOOM = 256;

/**
 * Round distances for at most `most` marks on the axis, in milliseconds from `from`, and the distance between them.
 *
 * @param {number} length of the axis in milliseconds
 * @param {number} [most]
 * @param {number} [from] where the axis begins; the marks are at multiples of the distance
 */
export function ticksOf(length, most = 6, from = 0) {
  const rough = length / most;
  const step = STEPS.find((one) => one >= rough) ?? Math.ceil(rough / (24 * HOUR)) * 24 * HOUR;
  const first = Math.ceil(from / step) * step;
  return { step, marks: Array.from({ length: Math.max(Math.floor((from + length - first) / step) + 1, 0) }, (_, index) => first + index * step) };
}

/**
 * The part of an axis that `zoom` magnifies, which has `center` in its middle as far as the axis allows.
 *
 * @param {{start: number, length: number}} axis
 * @param {number} zoom 1 is all of it
 * @param {number} center a moment
 */
export function zoomAxis(axis, zoom, center) {
  const length = Math.max(axis.length / zoom, 1);
  const start = Math.min(Math.max(center - length / 2, axis.start), axis.start + axis.length - length);
  return { start: Math.max(start, axis.start), length };
}

/** Whether a span has a moment on the axis. @param {Span} span @param {{start: number, length: number}} axis */
export function isOnAxis(span, axis) {
  return span.started_at_ms <= axis.start + axis.length && (span.ended_at_ms ?? Infinity) >= axis.start;
}

/** @param {number} share */
function clamp(share) {
  return Math.min(Math.max(share, 0), 1);
}
