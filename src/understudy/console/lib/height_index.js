/** Where each row of a long list begins, from the heights that were measured and an estimate of the others. Knows no DOM. */

export class HeightIndex {
  /** Heights by the row's id, since indexes change when older rows arrive. @type {Map<string, number>} */
  #heights = new Map();
  /** @type {readonly string[]} */
  #ids = [];
  /** The offset of each row, and the height of all at the end. */
  #offsets = new Float64Array(1);
  #isStale = true;

  /** @param {number} estimate the height of a row that was never measured, in pixels */
  constructor(estimate) {
    this.estimate = estimate;
  }

  /** @param {readonly string[]} ids of all rows, in order */
  setRows(ids) {
    this.#ids = ids;
    this.#isStale = true;
  }

  /** @param {string} id @param {number} height @returns {boolean} whether it differs from the known height */
  measure(id, height) {
    if (Math.abs((this.#heights.get(id) ?? this.estimate) - height) < 0.5 && this.#heights.has(id)) return false;
    this.#heights.set(id, height);
    this.#isStale = true;
    return true;
  }

  get total() {
    return this.#read().at(-1) ?? 0;
  }

  /** @param {number} index */
  offsetOf(index) {
    return this.#read()[Math.min(index, this.#ids.length)] ?? 0;
  }

  /** The row that contains a position; the last one for positions behind it. @param {number} position in pixels */
  indexAt(position) {
    const offsets = this.#read();
    let low = 0;
    let high = Math.max(0, this.#ids.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((offsets[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * The rows near the viewport: `start` to before `end`.
   *
   * @param {number} top of the viewport
   * @param {number} height of the viewport
   * @param {number} margin in pixels before and after it
   */
  rangeOf(top, height, margin) {
    if (!this.#ids.length) return { start: 0, end: 0 };
    return { start: this.indexAt(Math.max(0, top - margin)), end: this.indexAt(top + height + margin) + 1 };
  }

  #read() {
    if (!this.#isStale) return this.#offsets;
    const offsets = new Float64Array(this.#ids.length + 1);
    let sum = 0;
    for (const [index, id] of this.#ids.entries()) {
      offsets[index] = sum;
      sum += this.#heights.get(id) ?? this.estimate;
    }
    offsets[this.#ids.length] = sum;
    this.#offsets = offsets;
    this.#isStale = false;
    return offsets;
  }
}
