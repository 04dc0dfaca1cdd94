import { hrefOf, route, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";

import { html } from "./view.js";

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
  return html`<nav class="tabs" aria-label=${label}>${tabs.map((tab, index) => html`<a key=${tab.name} href=${hrefOf(route.value.path, index ? { tab: tab.name } : {})}
    aria-current=${tab.name === current ? "page" : undefined} title="(${index + 1})"
    onClick=${(/** @type {MouseEvent} */ event) => replaceTab(event, index ? tab.name : null)}>${tab.label}${tab.count !== undefined && html` <span class="muted">${tab.count}</span>`}</a>`)}</nav>`;
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

