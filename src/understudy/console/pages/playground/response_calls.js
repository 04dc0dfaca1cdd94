/** Making the responses of the playground, and stopping them. */
import { ApiError, get, post, remove } from "../../api/client.js";
import { createBranch } from "../../api/thread_branches.js";
import { setQuery } from "../../app/router.js";
import { INCLUDED } from "../../lib/response_request.js";
import { branchCalls, threadOf } from "../../lib/thread_forks.js";
import { useEffect, useRef, useState } from "../../ui/view.js";
import { ResponseSession } from "./response_session.js";

/** @param {string | null} response @param {string | null} conversation those of the URL */
export function useResponses(response, conversation) {
  const current = useRef(/** @type {ResponseSession | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isSending, setSending] = useState(false);
  const [isStopping, setStopping] = useState(false);
  const known = current.current;
  if ((known?.response ?? null) !== response || (response === null && (known?.conversation ?? null) !== conversation)) {
    known?.close();
    current.current = response || conversation ? new ResponseSession(response, response ? null : conversation) : null;
    current.current?.open();
  }
  const session = current.current;
  useEffect(() => () => current.current?.close(), []);
  useEffect(() => setError(null), [response, conversation]);
  /** Makes a response that continues the last one, or `context`. Raises ApiError. */
  const create = async (/** @type {import("./response_session.js").BodyOf} */ bodyOf, /** @type {boolean} */ isConversation, /** @type {import("./response_session.js").ResponseContext | null} */ other = null) => {
    const isNew = session === null && isConversation;
    const context = other ?? session?.context ?? { conversation: isNew ? (await post("/conversations")).id : null, previous: null };
    const made = await post("/responses", { ...bodyOf(context), include: INCLUDED, background: true }).catch(async (failure) => {
      if ((isNew || other) && context.conversation) await remove(`/conversations/${context.conversation}`).catch(() => undefined);
      throw failure;
    });
    const next = new ResponseSession(made.id, null);
    await next.open(made);
    current.current?.close();
    current.current = next;
    setQuery({ response: made.id, conversation: null }, { replace: session === null });
  };
  /** The same, in the place of an item and all behind it if there is one; a failure becomes the error of the page. Returns whether the server took it. */
  const start = async (/** @type {import("./response_session.js").BodyOf} */ bodyOf, /** @type {boolean} */ isConversation, item = "") => {
    setSending(true);
    setError(null);
    const work = async () => create(bodyOf, isConversation, session && item ? await contextBefore(session, item) : null);
    const isDone = await work().then(() => true, (failure) => {
      setError(failure);
      return false;
    });
    setSending(false);
    return isDone;
  };
  const stop = async () => {
    setStopping(true);
    await session?.follower.value?.cancel().catch(setError);
    setStopping(false);
  };
  return { session, create, start, stop, error, isSending, isStopping };
}

/** What a response continues that takes the place of an item and all behind it. @param {ResponseSession} session @param {string} item @returns {Promise<import("./response_session.js").ResponseContext>} */
async function contextBefore(session, item) {
  const before = await session.locate(item);
  const { conversation } = session.context;
  if (conversation) {
    const thread = session.thread ?? (await get(`/threads/${threadOf(conversation)}`));
    return { conversation: (await createBranch(branchCalls(thread, before, true))).id, previous: null };
  }
  return { conversation: null, previous: await findParent(session.state.value?.response, item) };
}

/** The response before the one whose input has the item; null for the first one. @param {any} response a later one @param {string} item @returns {Promise<string | null>} */
async function findParent(response, item) {
  const parent = response?.previous_response_id ?? null;
  if (!parent) return null;
  const path = `/responses/${encodeURIComponent(parent)}`;
  const isOlder = await get(`${path}/input_items`, { after: item, limit: 1 }).then(() => true, (error) => {
    if (error instanceof ApiError && error.status === 400) return false;
    throw error;
  });
  return isOlder ? findParent(await get(path), item) : parent;
}
