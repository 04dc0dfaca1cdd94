/** Texts by key, with values and plurals. Knows no language of its own. */

/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text a text, or its plural forms by `count` */
/** @typedef {Record<string, Text>} Catalogue */

export class Messages {
  /** @type {Catalogue} */
  #texts = {};

  /** @type {Intl.PluralRules | undefined} */
  #plurals;
  /** @type {Intl.NumberFormat | undefined} */
  #numbers;

  /** @param {string} language */
  constructor(language) {
    this.language = language;
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
    const form = typeof text === "string" ? text : (text[this.#selectPlural(Number(values.count))] ?? text.other ?? key);
    return form.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? this.#formatNumber(value) : value;
    });
  }

  // Made when they are first needed: a browser takes 20 ms for the first format of a page.
  /** @param {number} count */
  #selectPlural(count) {
    this.#plurals ??= new Intl.PluralRules(this.language);
    return this.#plurals.select(count);
  }

  /** @param {number} value */
  #formatNumber(value) {
    this.#numbers ??= new Intl.NumberFormat(this.language);
    return this.#numbers.format(value);
  }

  /** @param {string} key */
  has(key) {
    return key in this.#texts;
  }
}
