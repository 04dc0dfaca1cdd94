/** Usage reports of the API as sums by day and by group. Knows no browser. */
import { dayOf } from "./format.js";

/**
 * @typedef {{spend: number, requests: number, input: number, output: number, inputAudio: number, outputAudio: number}} Sums dollars, and numbers of requests and tokens; those of audio are parts of input and output
 * @typedef {"spend" | "requests" | "input" | "output"} Metric
 * @typedef {{name: string, total: Sums, days: Sums[]}} Group `days` are parallel to those of the report
 * @typedef {{days: string[], total: Sums, totals: Sums[], groups: Group[]}} Report `days` are like `2026-11-29`
 * @typedef {{name: string | null, values: number[]}} Series `name` null: everything that has no series of its own
 */

/** @type {readonly Metric[]} */
export const METRICS = ["spend", "requests", "input", "output"];

/** @returns {Sums} */
const noUsage = () => ({ spend: 0, requests: 0, input: 0, output: 0, inputAudio: 0, outputAudio: 0 });

/**
 * The last `count` days of a zone as `2026-11-29`, today last.
 *
 * @param {number} now in seconds
 * @param {number} count
 * @param {string} zone
 */
export function lastDays(now, count, zone) {
  const today = Date.parse(`${dayOf(new Date(now * 1000), zone)}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) => new Date(today - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10));
}

/**
 * @param {readonly string[]} days
 * @param {{costs: any[], usage: any[], zone: string}} buckets of the costs, and of the usage of completions and embeddings
 * @param {(result: any) => string} nameOf the group of a result
 * @returns {Report} the groups by their spend, then by their tokens
 */
export function reportOf(days, { costs, usage, zone }, nameOf) {
  const report = { days: [...days], total: noUsage(), totals: days.map(noUsage), groups: /** @type {Group[]} */ ([]) };
  const indexes = new Map(days.map((day, index) => [day, index]));
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const bucket of [...costs, ...usage]) {
    const index = indexes.get(dayOf(new Date(bucket.start_time * 1000), zone));
    if (index === undefined) continue;
    for (const result of bucket.results) {
      const name = nameOf(result);
      const group = groups.get(name) ?? { name, total: noUsage(), days: days.map(noUsage) };
      groups.set(name, group);
      const sums = sumsOf(result);
      for (const one of [group.total, group.days[index], report.total, report.totals[index]]) add(/** @type {Sums} */ (one), sums);
    }
  }
  report.groups = [...groups.values()].sort((a, b) => b.total.spend - a.total.spend || tokens(b) - tokens(a) || (a.name < b.name ? -1 : 1));
  return report;
}

/** @param {any} result @returns {Sums} */
function sumsOf(result) {
  return { spend: result.amount?.value ?? 0, requests: result.num_model_requests ?? 0, input: result.input_tokens ?? 0, output: result.output_tokens ?? 0, inputAudio: result.input_audio_tokens ?? 0, outputAudio: result.output_audio_tokens ?? 0 };
}

/** @param {Sums} target @param {Sums} sums */
function add(target, sums) {
  for (const name of /** @type {(keyof Sums)[]} */ (Object.keys(sums))) target[name] += sums[name];
}

/** @param {Group} group */
const tokens = (group) => group.total.input + group.total.output;

/** The model of a line item such as `gpt-4o, completion`. @param {string | null} item */
export function modelOf(item) {
  return (item ?? "").replace(/, \w+$/, "");
}

/**
 * The largest groups as series of a chart, at most `most`, of which the last is the sum of all others.
 *
 * @param {Report} report
 * @param {Metric} metric
 * @param {number} [most]
 * @returns {Series[]}
 */
export function seriesOf({ days, groups }, metric, most = 6) {
  const used = groups.filter((group) => group.total[metric] > 0).sort((a, b) => b.total[metric] - a.total[metric]);
  const own = used.length > most ? used.slice(0, most - 1) : used;
  const others = used.slice(own.length);
  const series = own.map((group) => ({ name: /** @type {string | null} */ (group.name), values: group.days.map((day) => day[metric]) }));
  if (others.length) series.push({ name: null, values: days.map((_, index) => others.reduce((sum, group) => sum + (group.days[index]?.[metric] ?? 0), 0)) });
  return series;
}

/** A day of a report in seconds, in UTC. @param {string} day */
export function secondsOfDay(day) {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
