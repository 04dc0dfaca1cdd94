/** The responses of the playground: the latest one, and what came before it. */
import { get } from "../../api/client.js";
import { ResponseFollower } from "../../api/response_follower.js";
import { loadForks } from "../../api/thread_branches.js";
import { TwoWayRows } from "../../api/two_way_rows.js";
import { isResponseFinished } from "../../lib/response_events.js";
import { INCLUDED } from "../../lib/response_request.js";
import { listEntries, pendingApprovals, pendingCalls } from "../../lib/response_turns.js";
import { threadOf } from "../../lib/thread_forks.js";
import { IMAGES } from "../../ui/message/item.js";
import { computed, signal } from "../../ui/view.js";

/** @typedef {{conversation: string | null, previous: string | null}} ResponseContext */
/** @typedef {(context: ResponseContext) => object} BodyOf */

/** Either a response with what came before it, or a conversation whose next response is still to be made. */
export class ResponseSession {
  /** @type {import("../../vendor/view.js").Signal<ResponseFollower | null>} */
  follower = signal(null);
  /** @type {import("../../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  isReady = signal(false);
  /** Where branches of the conversation begin. @type {import("../../vendor/view.js").Signal<Map<string, import("../../lib/thread_forks.js").Fork>>} */
  forks = signal(new Map());
  /** The conversation as a thread. @type {any} */
  thread = null;

  /** @param {string | null} response @param {string | null} conversation */
  constructor(response, conversation) {
    this.response = response;
    this.conversation = conversation;
    const path = response ? `/responses/${encodeURIComponent(response)}/input_items` : `/conversations/${encodeURIComponent(conversation ?? "")}/items`;
    this.log = new TwoWayRows(path, { "include[]": [...INCLUDED, ...IMAGES["include[]"]] });
    this.state = computed(() => this.follower.value?.state.value ?? null);
    this.items = computed(() => [...this.log.rows.value, ...(this.state.value?.items ?? []).filter(Boolean)]);
    this.entries = computed(() => listEntries(this.items.value));
    this.isBusy = computed(() => this.state.value !== null && !isResponseFinished(this.state.value.response.status));
    this.pending = computed(() => (this.isBusy.value ? [] : pendingCalls(this.items.value)));
    this.approvals = computed(() => (this.isBusy.value ? [] : pendingApprovals(this.items.value)));
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

  /** What happens now: a status, `tools`, or `requires_action`. @returns {string | null} */
  get stage() {
    if (this.pending.value.length || this.approvals.value.length) return "requires_action";
    const last = this.state.value?.items.at(-1)?.type;
    return this.isBusy.value && last && last !== "message" ? "tools" : this.state.value?.response.status ?? null;
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

  /** The thread that is `step` versions from this one, at the last fork. @param {number} step */
  versionOfLast(step) {
    const fork = this.entries.value.map((entry) => this.forkAt(entry.id)).findLast((one) => one !== undefined);
    return fork?.threads[fork.index + step];
  }

  /** The input of the response itself: messages of the user, outputs of functions, or approvals. */
  get ownInput() {
    const rows = this.log.rows.value;
    return rows.slice(rows.findLastIndex((row) => !(row.role === "user" || row.type?.endsWith("_output") || row.type === "mcp_approval_response")) + 1);
  }

  close() {
    this.follower.value?.stop();
  }
}
