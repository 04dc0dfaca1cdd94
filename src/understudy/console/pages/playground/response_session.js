/** The responses of the playground: the latest one, what came before it, and making the next. */
import { ApiError, get, post, remove } from "../../api/client.js";
import { ResponseFollower } from "../../api/response_follower.js";
import { createBranch, loadForks } from "../../api/thread_branches.js";
import { TwoWayRows } from "../../api/two_way_rows.js";
import { setQuery } from "../../app/router.js";
import { isResponseFinished } from "../../lib/response_events.js";
import { INCLUDED } from "../../lib/response_request.js";
import { listEntries, pendingCalls } from "../../lib/response_turns.js";
import { branchCalls, threadOf } from "../../lib/thread_forks.js";
import { computed, signal, useEffect, useRef, useState } from "../../ui/view.js";

/** @typedef {{conversation: string | null, previous: string | null}} ResponseContext */
/** @typedef {(context: ResponseContext) => object} BodyOf */

/** Either a response with what came before it, or a conversation whose next response is still to be made. */
export class ResponseSession {
  /** @type {import("../../vendor/signals.js").Signal<ResponseFollower | null>} */
  follower = signal(null);
  /** @type {import("../../vendor/signals.js").Signal<unknown>} */
  error = signal(null);
  isReady = signal(false);
  /** Where branches of the conversation begin. @type {import("../../vendor/signals.js").Signal<Map<string, import("../../lib/thread_forks.js").Fork>>} */
  forks = signal(new Map());
  /** The conversation as a thread. @type {any} */
  thread = null;

  /** @param {string | null} response @param {string | null} conversation */
  constructor(response, conversation) {
    this.response = response;
    this.conversation = conversation;
    const path = response ? `/responses/${encodeURIComponent(response)}/input_items` : `/conversations/${encodeURIComponent(conversation ?? "")}/items`;
    this.log = new TwoWayRows(path, { "include[]": INCLUDED });
    this.state = computed(() => this.follower.value?.state.value ?? null);
    this.items = computed(() => [...this.log.rows.value, ...(this.state.value?.items ?? []).filter(Boolean)]);
    this.entries = computed(() => listEntries(this.items.value));
    this.isBusy = computed(() => this.state.value !== null && !isResponseFinished(this.state.value.response.status));
    this.pending = computed(() => (this.isBusy.value ? [] : pendingCalls(this.items.value)));
  }

  /** @param {any} [known] the response, where it was just made */
  async open(known) {
    try {
      const [response] = await Promise.all([known ?? (this.response && get(`/responses/${encodeURIComponent(this.response)}`, { "include[]": INCLUDED })), this.log.open(null)]);
      if (response) this.follower.value = new ResponseFollower(response);
      this.error.value = this.log.error.value;
      this.isReady.value = this.error.value === null;
      const { conversation } = this.context;
      if (!conversation) return;
      this.thread = await get(`/threads/${threadOf(conversation)}`);
      this.forks.value = await loadForks(this.thread, true);
    } catch (error) {
      this.error.value = error;
    }
  }

  /** What the next response continues. @returns {ResponseContext} */
  get context() {
    const conversation = this.conversation ?? this.state.value?.response.conversation?.id ?? null;
    return { conversation, previous: conversation ? null : this.response };
  }

  /** The place of an item among those that precede the response, and the item before it. @param {string} id */
  async locate(id) {
    const find = () => this.log.rows.value.findIndex((row) => row.id === id);
    if (find() === 0 && this.log.hasOlder.value) await this.log.loadOlder();
    return this.log.rows.value[find() - 1]?.id ?? null;
  }

  /** The fork at an item. @param {string} id */
  forkAt(id) {
    const rows = this.log.rows.value;
    const index = rows.findIndex((row) => row.id === id);
    return index < 0 || (index === 0 && this.log.hasOlder.value) ? undefined : this.forks.value.get(rows[index - 1]?.id ?? "");
  }

  /** The input of the response itself: messages of the user, or outputs of functions. */
  get ownInput() {
    const rows = this.log.rows.value;
    return rows.slice(rows.findLastIndex((row) => !(row.role === "user" || row.type?.endsWith("_output"))) + 1);
  }

  close() {
    this.follower.value?.stop();
  }
}

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
  const create = async (/** @type {BodyOf} */ bodyOf, /** @type {boolean} */ isConversation, /** @type {ResponseContext | null} */ other = null) => {
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
  const start = async (/** @type {BodyOf} */ bodyOf, /** @type {boolean} */ isConversation, item = "") => {
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

/** What a response continues that takes the place of an item and all behind it. @param {ResponseSession} session @param {string} item @returns {Promise<ResponseContext>} */
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
