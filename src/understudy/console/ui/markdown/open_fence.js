/** A code block that is still open: its text is appended to, so its copy button and a selection in it stay. */
import { addCodeTools, finishCode } from "./code_tools.js";

/** A browser lays out one of these again for each addition, not the whole block. */
const MOST_CHUNK = 4_096;

export class OpenFence {
  #length = 0;
  #chunk = new Text();

  /** @param {DocumentFragment} fragment the rendered block, without code */
  constructor(fragment) {
    const frame = document.createElement("div");
    frame.append(fragment);
    addCodeTools(frame, { isFinal: false });
    this.figure = /** @type {HTMLElement} */ (frame.querySelector("figure"));
    this.code = /** @type {HTMLElement} */ (frame.querySelector("code"));
    this.code.replaceChildren();
  }

  /** Whether the code has only grown, as far as its last part tells. @param {string} code */
  isBeginningOf(code) {
    return code.startsWith(this.#chunk.data, this.#length - this.#chunk.length) && code.length >= this.#length;
  }

  /** @param {string} code all of it so far */
  update(code) {
    while (this.#length < code.length) {
      if (!this.#chunk.isConnected || this.#isFull) this.#addChunk();
      const end = this.#endOfChunk(code);
      this.#chunk.appendData(code.slice(this.#length, end));
      this.#length = end;
    }
  }

  /** @param {string} code */
  finish(code) {
    this.update(code);
    finishCode(this.code);
  }

  get #isFull() {
    return this.#chunk.length >= MOST_CHUNK && this.#chunk.data.endsWith("\n");
  }

  #addChunk() {
    const frame = document.createElement("span");
    frame.className = "code-chunk";
    this.#chunk = new Text();
    frame.append(this.#chunk);
    this.code.append(frame);
  }

  /** The end of the line that fills the chunk. @param {string} code */
  #endOfChunk(code) {
    const full = this.#length + Math.max(MOST_CHUNK - this.#chunk.length, 1) - 1;
    const end = code.indexOf("\n", full) + 1;
    return end || code.length;
  }
}
