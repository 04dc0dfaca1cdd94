/** The responses of the playground: the latest one, what came before it, and making the next. */
import { get, post } from "../../api/client.js";
import { ResponseFollower } from "../../api/response_follower.js";
import { TwoWayRows } from "../../api/two_way_rows.js";
import { setQuery } from "../../app/router.js";
import { isResponseFinished } from "../../lib/response_events.js";
import { INCLUDED } from "../../lib/response_request.js";
import { listEntries, pendingCalls } from "../../lib/response_turns.js";
import { computed, signal, useEffect, useRef, useState } from "../../ui/view.js";

/** @typedef {(context: {conversation: string | null, previous: string | null}) => object} BodyOf */

/** Either a response with what came before it, or a conversation whose next response is still to be made. */
export class ResponseSession {
  /** @type {import("../../vendor/signals.js").Signal<ResponseFollower | null>} */
  follower = signal(null);
  /** @type {import("../../vendor/signals.js").Signal<unknown>} */
  error = signal(null);
  isReady = signal(false);

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
    } catch (error) {
      this.error.value = error;
    }
  }

  /** What the next response continues. */
  get context() {
    const conversation = this.conversation ?? this.state.value?.response.conversation?.id ?? null;
    return { conversation, previous: conversation ? null : this.response };
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
  /** Makes the next response. Raises ApiError. */
  const create = async (/** @type {BodyOf} */ bodyOf, /** @type {boolean} */ isConversation) => {
    const isNew = session === null && isConversation;
    const context = session?.context ?? { conversation: isNew ? (await post("/conversations")).id : null, previous: null };
    const made = await post("/responses", { ...bodyOf(context), include: INCLUDED, background: true });
    const next = new ResponseSession(made.id, null);
    await next.open(made);
    current.current?.close();
    current.current = next;
    setQuery({ response: made.id, conversation: null }, { replace: session === null });
  };
  /** The same; a failure becomes the error of the page. Returns whether the server took it. */
  const start = async (/** @type {BodyOf} */ bodyOf, /** @type {boolean} */ isConversation) => {
    setSending(true);
    setError(null);
    const isDone = await create(bodyOf, isConversation).then(() => true, (failure) => {
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
