/** Starting and stopping runs of the thread in the URL, and of its branches. */
import { remove, request } from "../../api/client.js";
import { createBranch } from "../../api/thread_branches.js";
import { setQuery } from "../../app/router.js";
import { branchCalls } from "../../lib/thread_forks.js";
import { useEffect, useRef, useState } from "../../ui/view.js";
import { ThreadSession } from "./thread_session.js";

/** @typedef {{method: string, path: string, body: any}} RunCall */

/** @param {string | null} thread */
export function useRuns(thread) {
  const current = useRef(/** @type {ThreadSession | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isSending, setSending] = useState(false);
  const [isStopping, setStopping] = useState(false);
  if (current.current?.id !== (thread ?? undefined)) {
    current.current?.close();
    current.current = thread === null ? null : new ThreadSession(thread);
    current.current?.open();
  }
  const session = current.current;
  useEffect(() => () => current.current?.close(), []);
  useEffect(() => setError(null), [thread]);
  /** Whether the work succeeded; its failure becomes the error of the page. */
  const attempt = async (/** @type {() => Promise<void>} */ work) => {
    setSending(true);
    setStopping(false);
    setError(null);
    const isDone = await work().then(() => true, (failure) => {
      setError(failure);
      return false;
    });
    setSending(false);
    return isDone;
  };
  const show = async (/** @type {string} */ id, /** @type {boolean} */ replace) => {
    const created = new ThreadSession(id);
    await created.open();
    current.current?.close();
    current.current = created;
    setQuery({ thread: id }, { replace });
  };
  const start = (/** @type {RunCall} */ call, /** @type {() => void} */ onAccepted) => attempt(async () => {
    const run = await request(call.method, call.path, { body: call.body });
    onAccepted();
    if (session) await session.addRun(run);
    else await show(run.thread_id, true);
  });
  /** Starts a run on a branch that has the thread's messages up to the one before the turn. A run that wrote nothing is repeated where it is. */
  const branch = (/** @type {string} */ id, /** @type {(thread: string) => RunCall} */ callOf) => attempt(async () => {
    if (!session) return;
    const { turn, previous } = await session.locate(id);
    if (turn?.kind === "run" && !turn.messages.length) {
      const { method, path, body } = callOf(session.id);
      return session.addRun(await request(method, path, { body }));
    }
    const made = await createBranch(branchCalls(session.thread, previous));
    const call = callOf(made.id);
    try {
      await request(call.method, call.path, { body: call.body });
    } catch (failure) {
      await remove(`/threads/${encodeURIComponent(made.id)}`).catch(() => undefined);
      throw failure;
    }
    await show(made.id, false);
  });
  const stop = async () => {
    const run = session?.latest.value;
    if (!session || !run) return;
    setStopping(true);
    try {
      await session.follower(run, []).cancel();
    } catch (failure) {
      setError(failure);
    }
    setStopping(false);
  };
  return { session, start, branch, stop, error, isSending, isStopping };
}
