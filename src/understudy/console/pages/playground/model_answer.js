/** One of the answers that are compared: its stream, and the times of it. */
import { streamResponse } from "../../api/response_stream.js";
import { applyResponseEvent, startResponse } from "../../lib/response_events.js";
import { signal } from "../../ui/view.js";

/**
 * @typedef {object} AnswerState
 * @property {import("../../lib/response_events.js").ResponseState} state
 * @property {number | null} firstDelta milliseconds from the request to the first text
 * @property {number | null} total milliseconds from the request to the end
 * @property {unknown} error
 * @property {boolean} isBusy
 */

const NOTHING = startResponse({ id: null, status: null, output: [] });

export class ModelAnswer {
  /** @type {import("../../vendor/view.js").Signal<AnswerState>} */
  state;
  #abort = new AbortController();
  #begin = performance.now();
  #isPainting = false;

  /** @param {object} body of the request */
  constructor(body) {
    /** @type {AnswerState} */
    this.current = { state: NOTHING, firstDelta: null, total: null, error: null, isBusy: true };
    this.state = signal(this.current);
    streamResponse(body, { signal: this.#abort.signal, onEvent: (event) => this.#apply(event) }).then(
      () => this.#end({ total: this.#elapsed() }),
      (error) => this.#end(this.#abort.signal.aborted ? {} : { error }),
    );
  }

  /** @param {any} event */
  #apply(event) {
    if (event.type === "error") {
      this.current = { ...this.current, error: new Error(event.message) };
      return;
    }
    const isFirst = this.current.firstDelta === null && event.type.endsWith(".delta");
    this.current = { ...this.current, state: applyResponseEvent(this.current.state, event), ...(isFirst ? { firstDelta: this.#elapsed() } : {}) };
    if (this.#isPainting) return;
    this.#isPainting = true;
    requestAnimationFrame(() => {
      this.#isPainting = false;
      this.state.value = this.current;
    });
  }

  #elapsed() {
    return performance.now() - this.#begin;
  }

  /** @param {Partial<AnswerState>} changes */
  #end(changes) {
    this.current = { ...this.current, ...changes, isBusy: false };
    this.state.value = this.current;
  }

  stop() {
    this.#abort.abort();
  }
}
