/** One thread of the playground: its messages, its runs, and what follows them. */
import { get } from "../../api/client.js";
import { RunFollower } from "../../api/run_follower.js";
import { loadForks } from "../../api/thread_branches.js";
import { TwoWayRows } from "../../api/two_way_rows.js";
import { isFinished } from "../../lib/run_events.js";
import { listTurns } from "../../lib/thread_turns.js";
import { computed, signal } from "../../ui/view.js";

const MOST_RUNS = 100;

export class ThreadSession {
  /** @type {import("../../vendor/view.js").Signal<readonly any[]>} */
  runs = signal([]);
  /** @type {import("../../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  isReady = signal(false);
  /** Where branches begin, by the id of the message before. @type {import("../../vendor/view.js").Signal<Map<string, import("../../lib/thread_forks.js").Fork>>} */
  forks = signal(new Map());
  /** The thread itself, for its origin. @type {any} */
  thread = null;
  /** @type {Map<string, RunFollower>} */
  #followers = new Map();

  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.path = `/threads/${encodeURIComponent(id)}`;
    this.log = new TwoWayRows(`${this.path}/messages`);
    this.turns = computed(() => listTurns(this.log.rows.value, this.runs.value, this.log.hasOlder.value));
    /** The latest run, in its latest state. */
    this.latest = computed(() => {
      const run = this.runs.value[0];
      return run ? this.follower(run, []).state.value.run : null;
    });
    this.isBusy = computed(() => this.latest.value !== null && !isFinished(this.latest.value.status));
  }

  async open() {
    try {
      const [runs] = await Promise.all([get(`${this.path}/runs`, { limit: MOST_RUNS }), this.log.open(null)]);
      this.runs.value = runs.data;
      this.error.value = this.log.error.value;
      this.isReady.value = this.error.value === null;
      this.thread = await get(this.path);
      this.forks.value = await loadForks(this.thread);
    } catch (error) {
      this.error.value = error;
    }
  }

  /**
   * The turn in its latest state, and the id of the message before it: null at the beginning of the thread.
   *
   * @param {string} id of the turn
   */
  async locate(id) {
    // What a run has written since it was started here is not among the rows yet.
    await this.log.loadAdded();
    if (this.#previousOf(id) === null && this.log.hasOlder.value) await this.log.loadOlder();
    return { turn: this.turns.value.find((turn) => turn.id === id), previous: this.#previousOf(id) };
  }

  /** The fork at a turn. @param {string} id of the turn */
  forkAt(id) {
    const previous = this.#previousOf(id);
    return previous === null && this.log.hasOlder.value ? undefined : this.forks.value.get(previous ?? "");
  }

  /** @param {string} id of a turn @returns {string | null} */
  #previousOf(id) {
    const turns = this.turns.value;
    for (const turn of turns.slice(0, turns.findIndex((one) => one.id === id)).reverse()) {
      if (turn.kind === "message") return turn.id;
      if (turn.messages.length) return turn.messages.at(-1).id;
    }
    return null;
  }

  /** Shows a run that this page has started, and the message that it was sent with. @param {any} run */
  async addRun(run) {
    this.runs.value = [run, ...this.runs.value];
    await this.log.loadAdded();
  }

  /** What follows a run; it continues while its turn is out of view. @param {any} run @param {readonly any[]} messages */
  follower(run, messages) {
    const known = this.#followers.get(run.id) ?? new RunFollower(run, messages);
    this.#followers.set(run.id, known);
    return known;
  }

  close() {
    for (const follower of this.#followers.values()) follower.stop();
    this.#followers.clear();
  }
}
