/** The usage of a period, read from the API's reports of costs, completions and embeddings. */
import { get } from "../../api/client.js";
import { lastDays, modelOf, reportOf } from "../../lib/usage.js";
import { useCallback, useEffect, useState } from "../../ui/view.js";

const DAY = 86_400;
/** The most days that a page of each report has. */
const COST_DAYS = 180;
const USAGE_DAYS = 31;

/** @typedef {"model" | "key"} Grouping */

/**
 * @param {number} days
 * @param {Grouping} by
 * @param {string} zone of the days
 */
export function useReport(days, by, zone) {
  const [state, setState] = useState({ report: /** @type {import("../../lib/usage.js").Report | null} */ (null), by, error: /** @type {unknown} */ (null) });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    loadReport(days, by, zone, abort.signal).then(
      (report) => abort.signal.aborted || setState({ report, by, error: null }),
      (error) => abort.signal.aborted || setState((old) => ({ ...old, error })),
    );
    return () => abort.abort();
  }, [days, by, zone, round]);
  const reload = useCallback(() => setRound((old) => old + 1), []);
  return { ...state, reload };
}

/** @param {number} count @param {Grouping} by @param {string} zone @param {AbortSignal} signal */
async function loadReport(count, by, zone, signal) {
  const now = Math.floor(Date.now() / 1000);
  const days = lastDays(now, count, zone);
  // Begins before the first day, whatever the zone; buckets of other days are left out.
  const period = { start_time: now - (count + 1) * DAY, end_time: now + 1, tz: zone };
  const read = (/** @type {string} */ path, /** @type {number} */ limit, /** @type {string} */ group) =>
    readBuckets(path, { ...period, limit: Math.min(limit, count + 3), "group_by[]": group }, signal);
  const [costs, ...usage] = await Promise.all([
    read("/organization/costs", COST_DAYS, by === "model" ? "line_item" : "api_key_id"),
    ...["completions", "embeddings"].map((one) => read(`/organization/usage/${one}`, USAGE_DAYS, by === "model" ? "model" : "api_key_id")),
  ]);
  const nameOf = (/** @type {any} */ result) => (by === "key" ? result.api_key_id ?? "" : result.model ?? modelOf(result.line_item));
  return reportOf(days, { costs: costs ?? [], usage: usage.flat(), zone }, nameOf);
}

/** All pages. @param {string} path @param {Record<string, any>} query @param {AbortSignal} signal @returns {Promise<any[]>} */
async function readBuckets(path, query, signal) {
  const buckets = [];
  let page = null;
  do {
    const answer = await get(path, { ...query, page }, signal);
    buckets.push(...answer.data);
    page = answer.next_page;
  } while (page !== null);
  return buckets;
}
