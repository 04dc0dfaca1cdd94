import { get } from "../../api/client.js";
import { useCallback, useEffect, useState } from "../../ui/view.js";

/** @typedef {{run: any, trace: any, messages: readonly any[], error: unknown, reload: () => void}} RunRecord */

const EMPTY = { run: null, trace: null, messages: /** @type {readonly any[]} */ ([]), error: /** @type {unknown} */ (null) };

/** A run with its trace and its messages. @param {string | null} id @returns {RunRecord} */
export function useRunRecord(id) {
  const [record, setRecord] = useState(EMPTY);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!id) return undefined;
    const abort = new AbortController();
    readRun(id, abort.signal).then(
      (loaded) => abort.signal.aborted || setRecord({ ...EMPTY, ...loaded }),
      (error) => abort.signal.aborted || setRecord({ ...EMPTY, error }),
    );
    return () => abort.abort();
  }, [id, round]);
  return { ...record, reload: useCallback(() => setRound((old) => old + 1), []) };
}

/** @param {string} id @param {AbortSignal} signal */
async function readRun(id, signal) {
  const run = await get(`/runs/${encodeURIComponent(id)}`, {}, signal);
  const thread = `/threads/${encodeURIComponent(run.thread_id)}`;
  const [trace, messages] = await Promise.all([
    get(`${thread}/runs/${encodeURIComponent(id)}/trace`, {}, signal),
    get(`${thread}/messages`, { run_id: id, order: "asc", limit: 100 }, signal),
  ]);
  return { run, trace, messages: messages.data };
}
