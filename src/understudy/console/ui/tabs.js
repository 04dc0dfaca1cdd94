import { hrefOf, route, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";

import { html, useLayoutEffect, useRef } from "./view.js";

/** @typedef {{name: string, label: string, count?: number}} Tab */

/** The chosen tab, from the URL. @param {readonly Tab[]} tabs */
export function useTab(tabs) {
  const name = route.value.query.get("tab");
  return (tabs.find((tab) => tab.name === name) ?? tabs[0])?.name ?? "";
}

/** Links between the views of one object; the keys 1 to 9 choose one. @param {{tabs: readonly Tab[], label: string}} props */
export function Tabs({ tabs, label }) {
  const current = useTab(tabs);
  useShortcuts(
    tabs.slice(0, 9).map((tab, index) => ({ key: String(index + 1), label: tab.label, run: () => setQuery({ tab: index ? tab.name : null }) })),
  );
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  // On a small screen the bar is longer than the screen.
  useLayoutEffect(() => {
    if (bar.current) showCurrent(bar.current);
  }, [current]);
  return html`<nav class="tabs" ref=${bar} aria-label=${label}>${tabs.map((tab, index) => html`<a key=${tab.name} href=${hrefOf(route.value.path, index ? { tab: tab.name } : {})}
    aria-current=${tab.name === current ? "page" : undefined} title="(${index + 1})"
    onClick=${(/** @type {MouseEvent} */ event) => replaceTab(event, index ? tab.name : null)}>${tab.label}${tab.count !== undefined && html` <span class="muted">${tab.count}</span>`}</a>`)}</nav>`;
}

/** @param {HTMLElement} bar */
function showCurrent(bar) {
  const link = bar.querySelector("[aria-current]")?.getBoundingClientRect();
  const frame = bar.getBoundingClientRect();
  if (link && (link.right > frame.right || link.left < frame.left)) bar.scrollLeft += link.left - frame.left - (frame.width - link.width) / 2;
}

/**
 * A tab replaces the history entry, and leaves the rest of the query.
 *
 * @param {MouseEvent} event
 * @param {string | null} name
 */
function replaceTab(event, name) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  setQuery({ tab: name });
}

