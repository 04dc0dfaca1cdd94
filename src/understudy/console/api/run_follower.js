/** Follows a run by its events: one way for those that begin, those that a page finds running, and those that have ended. */
import { applyEvent, isFinished, startRun } from "../lib/run_events.js";
import { signal } from "../ui/view.js";
import { get, post } from "./client.js";
import { followEvents } from "./event_stream.js";

const WAIT_MILLISECONDS = 3_000;
const HIDDEN_MILLISECONDS = 1_000;
/** The most raw events that are recorded. */
const MOST_EVENTS = 5_000;

/** @typedef {{key: number, id: string | null, type: string, data: string}} RunEvent */

export class RunFollower {
  /** @type {import("../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  /** The raw events, if they are recorded. @type {import("../vendor/view.js").Signal<readonly RunEvent[]>} */
  events = signal([]);
  /** @type {RunEvent[]} */
  #recorded = [];
  #abort = new AbortController();
  #after = "";
  #isPainting = false;
  #wake = () => {};

  /**
   * @param {any} run at least its id and thread_id; a run without a status has ended
   * @param {readonly any[]} messages those that are known, to begin with
   * @param {{recordsEvents?: boolean, onEvent?: (event: import("../lib/event_parser.js").ServerEvent) => void}} [options]
   */
  constructor(run, messages, { recordsEvents = false, onEvent } = {}) {
    this.path = `/threads/${encodeURIComponent(run.thread_id)}/runs/${encodeURIComponent(run.id)}`;
    this.state = signal(startRun(run, messages));
    this.current = startRun(run);
    // The events of a run that has ended replace its messages at once, not one by one.
    this.isReplay = run.status === null || isFinished(run.status);
    this.hasEnded = isFinished(run.status);
    this.recordsEvents = recordsEvents;
    this.onEvent = onEvent;
    this.#follow().catch((error) => {
      if (!this.#abort.signal.aborted) this.error.value = error;
    });
  }

  async #follow() {
    const { signal: abort } = this.#abort;
    while (!abort.aborted) {
      await followEvents({
        path: `${this.path}/events`,
        after: this.#after,
        signal: abort,
        onEvent: (event) => this.#apply(event),
        onRestart: () => {
          this.current = startRun(this.current.run);
        },
      });
      this.#publish();
      this.isReplay = false;
      if (isFinished(this.current.run.status)) return;
      await this.#waitForClient();
    }
  }

  /** The stream ends where the run waits for its client, which can be another program. */
  async #waitForClient() {
    while (!this.#abort.signal.aborted) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, WAIT_MILLISECONDS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve(null);
        };
      });
      const run = await get(this.path, {}, this.#abort.signal).catch(() => null);
      if (run && run.status !== "requires_action") return;
    }
  }

  /** @param {import("../lib/event_parser.js").ServerEvent} event */
  #apply(event) {
    const { run } = this.current;
    this.current = applyEvent(this.current, event);
    // The events of a run that has ended have the run as it was then, before changes of its metadata.
    if (this.hasEnded) this.current = { ...this.current, run };
    if (this.recordsEvents) this.#record(event);
    this.onEvent?.(event);
    if (event.id !== null) this.#after = event.id;
    if (this.isReplay || this.#isPainting) return;
    this.#isPainting = true;
    if (document.hidden) setTimeout(() => this.#publish(), HIDDEN_MILLISECONDS);
    else requestAnimationFrame(() => this.#publish());
  }

  #publish() {
    this.#isPainting = false;
    this.state.value = this.current;
    if (this.#recorded.length > this.events.value.length) this.events.value = [...this.#recorded];
  }

  /** @param {import("../lib/event_parser.js").ServerEvent} event */
  #record({ id, event, data }) {
    if (event === "error" || this.#recorded.length >= MOST_EVENTS) return;
    this.#recorded.push({ key: this.#recorded.length, id, type: event, data });
  }

  /** Raises ApiError. What has arrived stays. */
  async cancel() {
    const run = await post(`${this.path}/cancel`);
    // Its events can be faster than the response.
    if (!isFinished(this.current.run.status)) this.#setRun(run);
    this.#wake();
  }

  /** Raises ApiError. @param {{tool_outputs: any[]} | {tool_approvals: any[]}} body */
  async submit(body) {
    const run = await post(`${this.path}/submit_tool_outputs`, body);
    if (this.current.run.status === "requires_action") this.#setRun(run);
    this.#wake();
  }

  /** @param {any} run */
  #setRun(run) {
    this.current = { ...this.current, run };
    this.#publish();
  }

  stop() {
    this.#abort.abort();
    this.#wake();
  }
}
