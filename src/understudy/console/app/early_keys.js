/** Keys that are pressed before what they are for is there: a shortcut of a page that is loading, or the palette's text. */
import { isOutdated } from "../state/connection.js";
import { route } from "./router.js";

/** The path of the page that is mounted; null before the first one. */
let mounted = /** @type {string | null} */ (null);
/** The last key without a shortcut, and the page that was loading then. */
let early = /** @type {{key: string, path: string} | null} */ (null);
let buffered = /** @type {string[] | null} */ (null);

/** @param {string | null} path of the page that is there now, be it an error; null while it is loaded */
export function markPage(path) {
  mounted = path;
  const main = document.getElementById("main");
  if (path === null) main?.setAttribute("aria-busy", "true");
  else main?.removeAttribute("aria-busy");
}

/** Whether the page of the URL is there, and not the one before. */
export function isPageMounted() {
  return mounted === route.peek().path;
}

/** Whether the page of the URL, or its first data, is still loaded. */
export function isPageLoading() {
  return !isPageMounted() || document.querySelector("#main .skeleton") !== null;
}

/** @param {string} key */
export function rememberKey(key) {
  early = { key, path: route.peek().path };
}

export function forgetEarlyKey() {
  early = null;
}

/**
 * The shortcut of the remembered key, once: null as long as its page has none.
 *
 * @template {{key: string}} T
 * @param {() => T[]} listShortcuts
 * @returns {T | null}
 */
export function takeEarlyKey(listShortcuts) {
  if (early === null || !isPageMounted()) return null;
  const { key, path } = early;
  const shortcut = path === route.peek().path ? listShortcuts().find((one) => one.key === key) : undefined;
  if (shortcut || path !== route.peek().path) early = null;
  return shortcut ?? null;
}

/** From now on keys are text, until `takeKeys`. */
export function startBuffer() {
  buffered = [];
}

/** @returns {string[]} the keys since `startBuffer` */
export function takeKeys() {
  const keys = buffered ?? [];
  buffered = null;
  return keys;
}

/** Whether a key is text for a component that is loaded. @param {string} key */
export function bufferKey(key) {
  // What cannot be loaded takes no key.
  if (buffered === null || isOutdated.peek() || (key.length > 1 && key !== "Enter")) return false;
  buffered.push(key);
  return true;
}
