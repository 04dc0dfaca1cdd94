/** A run, its trace and its events; they follow the run while it lasts. */
import { get } from "../../api/client.js";
import { followEvents } from "../../api/event_stream.js";
import { useCallback, useEffect, useState } from "../../ui/view.js";
import { isActive } from "./run_values.js";

const MOST_EVENTS = 5_000;
const REFRESH_MILLISECONDS = 250;

/** @param {string} path of the run */
export function useLiveRun(path) {
  const [run, setRun] = useState(/** @type {any} */ (null));
  const [trace, setTrace] = useState(/** @type {any} */ (null));
  const [events, setEvents] = useState(/** @type {readonly RunEvent[]} */ ([]));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const refresh = refresher(async () => {
      const [newRun, newTrace] = await Promise.all([get(path, {}, abort.signal), get(`${path}/trace`, {}, abort.signal)]);
      setRun(newRun);
      setTrace(newTrace);
      setError(null);
      return newRun;
    });
    const follow = async () => {
      const first = await refresh.now();
      if (abort.signal.aborted) return;
      await followEvents({
        path: `${path}/events`, signal: abort.signal,
        onEvent: (event) => {
          if (event.event === "error") return;
          setEvents((old) => addEvent(old, event));
          if (isActive(first) && !event.event.endsWith(".delta")) refresh.soon();
        },
      });
      if (isActive(first)) await refresh.now();
    };
    setEvents([]);
    follow().catch((failure) => abort.signal.aborted || setError(failure));
    return () => {
      abort.abort();
      refresh.stop();
    };
  }, [path, round]);
  // What waits for its client is not followed: its stream has ended.
  const status = run?.status;
  useEffect(() => {
    if (status !== "requires_action") return undefined;
    const timer = setInterval(() => get(path).then((now) => now.status !== status && setRound((old) => old + 1), () => undefined), 2_000);
    return () => clearInterval(timer);
  }, [path, status]);
  return { run, trace, events, error, setRun, reload: useCallback(() => setRound((old) => old + 1), []) };
}

/** @typedef {{key: number, id: string | null, type: string, data: string}} RunEvent */

/**
 * @param {readonly RunEvent[]} events
 * @param {import("../../lib/event_parser.js").ServerEvent} event
 */
function addEvent(events, event) {
  if (events.length >= MOST_EVENTS) return events;
  return [...events, { key: events.length, id: event.id, type: event.event, data: event.data }];
}

/** Calls `work` at most once at a time and every 250 ms. @param {() => Promise<any>} work */
function refresher(work) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      work().catch(() => undefined);
    }, REFRESH_MILLISECONDS);
  };
  return { now: work, soon, stop };
}
