/** A run with its events and its trace; they follow the run while it lasts. */
import { get } from "../../api/client.js";
import { RunFollower } from "../../api/run_follower.js";
import { useCallback, useEffect, useState } from "../../ui/view.js";
import { isActive } from "./run_values.js";

const REFRESH_MILLISECONDS = 250;

/** @param {string} path of the run */
export function useLiveRun(path) {
  const [follower, setFollower] = useState(/** @type {RunFollower | null} */ (null));
  const [trace, setTrace] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    /** @type {RunFollower | null} */
    let started = null;
    const refresh = delayed(() => get(`${path}/trace`, {}, abort.signal).then(setTrace, () => undefined));
    const start = async () => {
      const [run, firstTrace] = await Promise.all([get(path, {}, abort.signal), get(`${path}/trace`, {}, abort.signal)]);
      if (abort.signal.aborted) return;
      started = new RunFollower(run, [], { recordsEvents: true, onEvent: (event) => isActive(run) && !event.event.endsWith(".delta") && refresh.soon() });
      setTrace(firstTrace);
      setFollower(started);
      setError(null);
    };
    start().catch((failure) => abort.signal.aborted || setError(failure));
    return () => {
      abort.abort();
      refresh.stop();
      started?.stop();
    };
  }, [path, round]);
  return {
    follower, trace,
    run: follower?.state.value.run ?? null,
    events: follower?.events.value ?? [],
    error: error ?? follower?.error.value ?? null,
    reload: useCallback(() => setRound((old) => old + 1), []),
  };
}

/** Calls `work` once, 250 ms after the first of many calls. @param {() => void} work */
function delayed(work) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, REFRESH_MILLISECONDS);
  };
  return { soon, stop };
}
