/** Keys and sequences of two keys, such as `g t`. Knows no browser but the shape of its events. */

const TIMEOUT_MILLISECONDS = 1_000;

/**
 * The name of the key of an event: `j`, `?`, `Enter`, `mod+k`. Null for a modifier alone or an unused combination.
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 */
export function nameKey({ key, ctrlKey, metaKey, altKey }) {
  if (altKey || ["Control", "Meta", "Shift", "Alt"].includes(key)) return null;
  return ctrlKey || metaKey ? `mod+${key.toLowerCase()}` : key;
}

export class KeySequence {
  #first = "";
  #time = 0;

  /**
   * The name of the shortcut that a key completes, or null.
   *
   * @param {string} key
   * @param {ReadonlySet<string>} known shortcuts, sequences among them
   * @param {number} now in milliseconds
   */
  push(key, known, now) {
    const isPending = this.#first !== "" && now - this.#time < TIMEOUT_MILLISECONDS;
    const sequence = `${this.#first} ${key}`;
    this.#first = "";
    if (isPending && known.has(sequence)) return sequence;
    if ([...known].some((one) => one.startsWith(`${key} `))) {
      this.#first = key;
      this.#time = now;
    }
    return known.has(key) ? key : null;
  }
}
