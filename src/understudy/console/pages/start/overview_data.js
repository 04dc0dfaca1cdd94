/** What the overview shows; it follows the project's runs, and reads again at most every two seconds. */
import { currentZone } from "../../state/settings.js";
import { useProjectEvents } from "../../ui/project_events.js";
import { useResource } from "../../ui/resource.js";
import { useEffect, useRef, useState } from "../../ui/view.js";

const DAY = 86_400;
const REFRESH_MILLISECONDS = 2_000;
/** The most runs that are counted; there can be more. */
export const MOST_RUNS = 20;
const ACTIVE_STATES = ["queued", "in_progress", "requires_action", "cancelling"];
const FAILED_STATES = ["failed", "expired"];
const MOST_THREADS = 6;

/** @typedef {ReturnType<typeof useOverview>} OverviewData */

export function useOverview() {
  const [now] = useState(() => Math.floor(Date.now() / 1000));
  // The last bucket is today in the reader's zone, at whatever hour the period begins.
  const period = { start_time: now - DAY, limit: 3, tz: currentZone() };
  const active = useResource("/runs", { "status[]": ACTIVE_STATES, limit: MOST_RUNS });
  const failed = useResource("/runs", { "status[]": FAILED_STATES, created_after: now - DAY, limit: MOST_RUNS });
  const threads = useResource("/threads", { limit: MOST_THREADS, order_by: "last_active_at", "include[]": ["preview", "message_count", "last_run"] });
  const costs = lastBucket(useResource("/organization/costs", period));
  const usage = lastBucket(useResource("/organization/usage/completions", period));
  const all = [active, failed, threads, costs, usage];
  const refresh = useThrottled(() => all.forEach((one) => one.reload()));
  useProjectEvents("thread.run", refresh);
  return { active, failed, threads, costs, usage };
}

/** @param {import("../../ui/resource.js").Resource<any>} report */
function lastBucket(report) {
  return { ...report, data: report.data && { ...report.data, data: report.data.data.slice(-1) } };
}

/** Calls `work` at most every two seconds, and once more after the last call. @param {() => void} work */
function useThrottled(work) {
  const current = useRef(work);
  current.current = work;
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | null} */ (null));
  const last = useRef(0);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      last.current = Date.now();
      current.current();
    }, Math.max(last.current + REFRESH_MILLISECONDS - Date.now(), 0));
  };
}
