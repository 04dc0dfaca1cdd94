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
  const lead = span.first_delta_at_ms === null ? 0 : clamp((span.first_delta_at_ms - span.started_at_ms) / Math.max(end - span.started_at_ms, 1));
  return { start, length, lead };
}

/**
 * Round distances for at most `most` marks on the axis, in milliseconds from its start.
 *
 * @param {number} length of the axis in milliseconds
 * @param {number} [most]
 */
export function ticksOf(length, most = 6) {
  const rough = length / most;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? 10 * power;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}

/** @param {number} share */
function clamp(share) {
  return Math.min(Math.max(share, 0), 1);
}
