/** Follows a run by its events: one way for those that begin, those that a page finds running, and those that have ended. */
import { applyEvent, isFinished, startRun } from "../lib/run_events.js";
import { signal } from "../ui/view.js";
import { get, post } from "./client.js";
import { followEvents } from "./event_stream.js";

const WAIT_MILLISECONDS = 3_000;
const HIDDEN_MILLISECONDS = 1_000;

export class RunFollower {
  /** @type {import("../vendor/signals.js").Signal<unknown>} */
  error = signal(null);
  #abort = new AbortController();
  #after = "";
  #isPainting = false;
  #wake = () => {};

  /**
   * @param {any} run at least its id and thread_id; a run without a status has ended
   * @param {readonly any[]} messages those that are known, to begin with
   */
  constructor(run, messages) {
    this.path = `/threads/${encodeURIComponent(run.thread_id)}/runs/${encodeURIComponent(run.id)}`;
    this.state = signal(startRun(run, messages));
    this.current = startRun(run);
    // The events of a run that has ended replace its messages at once, not one by one.
    this.isReplay = run.status === null || isFinished(run.status);
    this.#follow().catch((error) => {
      if (!this.#abort.signal.aborted) this.error.value = error;
    });
  }

  async #follow() {
    const { signal: abort } = this.#abort;
    while (!abort.aborted) {
      await followEvents({ path: `${this.path}/events`, after: this.#after, signal: abort, onEvent: (event) => this.#apply(event) });
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
    this.current = applyEvent(this.current, event);
    if (event.id !== null) this.#after = event.id;
    if (this.isReplay || this.#isPainting) return;
    this.#isPainting = true;
    if (document.hidden) setTimeout(() => this.#publish(), HIDDEN_MILLISECONDS);
    else requestAnimationFrame(() => this.#publish());
  }

  #publish() {
    this.#isPainting = false;
    this.state.value = this.current;
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
