/** Starting and stopping runs of the thread in the URL. */
import { request } from "../../api/client.js";
import { setQuery } from "../../app/router.js";
import { useEffect, useRef, useState } from "../../ui/view.js";
import { ThreadSession } from "./thread_session.js";

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
  const start = async (/** @type {{method: string, path: string, body: any}} */ call, /** @type {() => void} */ onAccepted) => {
    setSending(true);
    setStopping(false);
    setError(null);
    try {
      const run = await request(call.method, call.path, { body: call.body });
      onAccepted();
      if (session) await session.addRun(run);
      else {
        const created = new ThreadSession(run.thread_id);
        await created.open();
        current.current = created;
        setQuery({ thread: run.thread_id });
      }
    } catch (failure) {
      setError(failure);
    }
    setSending(false);
  };
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
  return { session, start, stop, error, isSending, isStopping };
}
