/** The URL as a signal, and navigation between pages without loading the document again. */
import { buildQuery, matchPath } from "../lib/paths.js";
import { signal } from "../ui/view.js";
import { MOUNT } from "./base.js";
import { canOpen, ROUTES } from "./routes.js";

/**
 * @typedef {{path: string, row: import("./routes.js").RouteRow | null, params: Record<string, string>,
 *   query: URLSearchParams}} Route
 */

/** @returns {Route} */
function readRoute() {
  const path = location.pathname.startsWith(MOUNT) ? location.pathname.slice(MOUNT.length) : "";
  const match = matchPath(ROUTES, path);
  return { path, row: match?.row ?? null, params: match?.params ?? {}, query: new URLSearchParams(location.search) };
}

export const route = signal(readRoute());
/** Scroll positions of pages by the key of their history entry. */
const positions = new Map();
let entry = history.state?.entry ?? 0;

/**
 * The URL of a page: `hrefOf("threads/thread_1", {tab: "json"})`.
 *
 * @param {string} path below the console
 * @param {Parameters<typeof buildQuery>[0]} [query]
 */
export function hrefOf(path, query) {
  return MOUNT + path + (query ? buildQuery(query) : "");
}

/**
 * @param {string} path below the console, with its query
 * @param {{replace?: boolean}} [options]
 */
export function navigate(path, { replace = false } = {}) {
  positions.set(entry, scroller()?.scrollTop ?? 0);
  if (!replace) entry = Date.now();
  history[replace ? "replaceState" : "pushState"]({ entry }, "", MOUNT + path);
  route.value = readRoute();
}

/**
 * Changes parameters of the query and leaves the others; null removes one. Replaces the history entry by default.
 *
 * @param {Record<string, string | string[] | null>} changes
 * @param {{replace?: boolean}} [options]
 */
export function setQuery(changes, { replace = true } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of [value ?? []].flat()) if (one !== "") query.append(name, one);
  }
  const text = query.toString();
  navigate(route.value.path + (text && `?${text}`), { replace });
}

/** Whether this console has a page for a path that the keys of this tab open. @param {string} path */
export function hasPage(path) {
  const row = matchPath(ROUTES, path)?.row;
  return row !== undefined && canOpen(row);
}

/** The scroll position to restore after going back, or 0. */
export function scrollPosition() {
  return positions.get(entry) ?? 0;
}

/** The element that scrolls a page. */
export function scroller() {
  return document.getElementById("main");
}

export function startRouter() {
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => {
    positions.set(entry, scroller()?.scrollTop ?? 0);
    entry = event.state?.entry ?? 0;
    route.value = readRoute();
  });
  document.addEventListener("click", followLink);
}

/** @param {MouseEvent} event */
function followLink(event) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = /** @type {Element | null} */ (event.target)?.closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !link.pathname.startsWith(MOUNT)) return;
  event.preventDefault();
  navigate(link.pathname.slice(MOUNT.length) + link.search);
}
