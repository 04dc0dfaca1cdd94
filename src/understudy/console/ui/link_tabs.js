/** Links between lists that share an entry of the navigation. */
import { hrefOf, route } from "../app/router.js";
import { html } from "./view.js";

/** @param {{label: string, tabs: readonly {path: string, label: string}[]}} props */
export function LinkTabs({ label, tabs }) {
  return html`<nav class="tabs" aria-label=${label}>${tabs.map((tab) => html`<a key=${tab.path} href=${hrefOf(tab.path)} aria-current=${route.value.path === tab.path ? "page" : undefined}>${tab.label}</a>`)}</nav>`;
}
