/** The texts of the chosen language: those of every page at first, and those of a page with the page. */
import { Messages } from "../lib/messages.js";
import { settings } from "../state/settings.js";

const messages = new Messages(settings.peek().language);
const loaded = new Set();

/** @param {string} name of the catalogue: `shared`, or a folder of `pages/` */
export async function loadTexts(name) {
  if (loaded.has(name)) return;
  const { default: catalogue } = await import(`./${settings.peek().language}/${name}.js`);
  messages.add(catalogue);
  loaded.add(name);
}

/**
 * The text of a key: `t("threads.count", {count: 2})`.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values) {
  return messages.format(key, values);
}

/** @param {string} key */
export function hasText(key) {
  return messages.has(key);
}
