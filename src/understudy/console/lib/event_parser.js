/** Server-sent events out of text that arrives in arbitrary pieces. Knows no network. */

/** @typedef {{id: string | null, event: string, data: string}} ServerEvent */

export class EventParser {
  #rest = "";
  /** @type {ServerEvent} */
  #event = { id: null, event: "message", data: "" };
  #hasData = false;

  /**
   * @param {string} text
   * @returns {ServerEvent[]} the events that `text` completes; comments are skipped
   */
  push(text) {
    // A carriage return at the end may be half of a line end.
    const all = this.#rest + text;
    const isCut = all.endsWith("\r");
    const lines = (isCut ? all.slice(0, -1) : all).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + (isCut ? "\r" : "");
    return lines.map((line) => this.#readLine(line)).filter((event) => event !== null);
  }

  /** @param {string} line */
  #readLine(line) {
    if (line === "") return this.#finish();
    const [, field = "", value = ""] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line) ?? [];
    if (field === "data") {
      this.#event.data += (this.#hasData ? "\n" : "") + value;
      this.#hasData = true;
    } else if (field === "id") this.#event.id = value;
    else if (field === "event") this.#event.event = value;
    return null;
  }

  #finish() {
    const event = this.#event;
    const isWhole = this.#hasData;
    this.#event = { id: null, event: "message", data: "" };
    this.#hasData = false;
    return isWhole ? event : null;
  }
}
