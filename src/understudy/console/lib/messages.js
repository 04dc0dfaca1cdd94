/** Texts by key, with values and plurals. Knows no language of its own. */

/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text a text, or its plural forms by `count` */
/** @typedef {Record<string, Text>} Catalogue */

export class Messages {
  /** @type {Catalogue} */
  #texts = {};

  /** @param {string} language */
  constructor(language) {
    this.plurals = new Intl.PluralRules(language);
    this.numbers = new Intl.NumberFormat(language);
  }

  /** @param {Catalogue} catalogue */
  add(catalogue) {
    Object.assign(this.#texts, catalogue);
  }

  /**
   * The text of a key, or the key itself if it is missing. `{name}` is replaced by `values.name`.
   *
   * @param {string} key
   * @param {Record<string, string | number>} [values]
   */
  format(key, values = {}) {
    const text = this.#texts[key] ?? key;
    const form = typeof text === "string" ? text : (text[this.plurals.select(Number(values.count))] ?? text.other ?? key);
    return form.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? this.numbers.format(value) : value;
    });
  }

  /** @param {string} key */
  has(key) {
    return key in this.#texts;
  }
}
