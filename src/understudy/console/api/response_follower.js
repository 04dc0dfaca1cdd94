/** Follows a response in the background by its events, from any event on. */
import { applyResponseEvent, isResponseFinished, startResponse } from "../lib/response_events.js";
import { signal } from "../ui/view.js";
import { post } from "./client.js";
import { followEvents } from "./event_stream.js";

const HIDDEN_MILLISECONDS = 1_000;

export class ResponseFollower {
  /** @type {import("../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  #abort = new AbortController();
  #isPainting = false;

  /** @param {any} response */
  constructor(response) {
    this.path = `/responses/${encodeURIComponent(response.id)}`;
    this.state = signal(startResponse(response));
    this.current = this.state.value;
    if (isResponseFinished(response.status)) return;
    followEvents({
      path: this.path,
      query: { stream: "true" },
      signal: this.#abort.signal,
      numberOf: (event) => JSON.parse(event.data).sequence_number,
      onEvent: (event) => this.#apply(JSON.parse(event.data)),
      onRestart: () => {
        this.current = startResponse(response);
      },
    }).catch((error) => {
      this.error.value = error;
    });
  }

  /** @param {any} event */
  #apply(event) {
    this.current = applyResponseEvent(this.current, event);
    if (isResponseFinished(this.current.response.status)) {
      this.#publish();
      // The stream ends without a sign of its own.
      this.#abort.abort();
      return;
    }
    if (this.#isPainting) return;
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
    const response = await post(`${this.path}/cancel`);
    if (isResponseFinished(this.current.response.status)) return;
    this.current = { ...this.current, response };
    this.#publish();
    if (isResponseFinished(response.status)) this.#abort.abort();
  }

  stop() {
    this.#abort.abort();
  }
}
