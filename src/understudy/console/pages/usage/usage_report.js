/** The usage of a period, read from the API's reports of costs, completions and embeddings. */
import { request } from "../../api/client.js";
import { lastDays, modelOf, reportOf } from "../../lib/usage.js";
import { useCallback, useEffect, useState } from "../../ui/view.js";

const DAY = 86_400;
/** The most days that a page of each report has. */
const COST_DAYS = 180;
const USAGE_DAYS = 31;

/**
 * @typedef {"project" | "model" | "key"} Grouping
 * @typedef {import("../../lib/key_kinds.js").KeyKind} KeyKind
 */

/** The members that the reports group by. */
const GROUPS = { project: "project_id", model: "model", key: "api_key_id" };

/**
 * @param {number} days
 * @param {Grouping} by
 * @param {string} zone of the days
 * @param {KeyKind} kind of the key: a project's key reads the usage of its project, an admin key that of all
 */
export function useReport(days, by, zone, kind) {
  const [state, setState] = useState({ report: /** @type {import("../../lib/usage.js").Report | null} */ (null), by, error: /** @type {unknown} */ (null) });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    loadReport(days, by, zone, { kind, signal: abort.signal }).then(
      (report) => abort.signal.aborted || setState({ report, by, error: null }),
      (error) => abort.signal.aborted || setState((old) => ({ ...old, error })),
    );
    return () => abort.abort();
  }, [days, by, zone, kind, round]);
  const reload = useCallback(() => setRound((old) => old + 1), []);
  return { ...state, reload };
}

/** @param {number} count @param {Grouping} by @param {string} zone @param {{kind: KeyKind, signal: AbortSignal}} options */
async function loadReport(count, by, zone, options) {
  const now = Math.floor(Date.now() / 1000);
  const days = lastDays(now, count, zone);
  // Begins before the first day, whatever the zone; buckets of other days are left out.
  const period = { start_time: now - (count + 1) * DAY, end_time: now + 1, tz: zone };
  const read = (/** @type {string} */ path, /** @type {number} */ limit, /** @type {string} */ group) =>
    readBuckets(path, { ...period, limit: Math.min(limit, count + 3), "group_by[]": group }, options);
  const [costs, ...usage] = await Promise.all([
    read("/organization/costs", COST_DAYS, by === "model" ? "line_item" : GROUPS[by]),
    ...["completions", "embeddings"].map((one) => read(`/organization/usage/${one}`, USAGE_DAYS, GROUPS[by])),
  ]);
  const nameOf = (/** @type {any} */ result) => (by === "model" ? result.model ?? modelOf(result.line_item) : result[GROUPS[by]] ?? "");
  return reportOf(days, { costs: costs ?? [], usage: usage.flat(), zone }, nameOf);
}

/** All pages. @param {string} path @param {Record<string, any>} query @param {{kind: KeyKind, signal: AbortSignal}} options @returns {Promise<any[]>} */
async function readBuckets(path, query, options) {
  const buckets = [];
  let page = null;
  do {
    const answer = await request("GET", path, { ...options, query: { ...query, page } });
    buckets.push(...answer.data);
    page = answer.next_page;
  } while (page !== null);
  return buckets;
}
