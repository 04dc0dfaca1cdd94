import { hrefOf } from "../app/router.js";
import { html, useEffect } from "./view.js";

/**
 * The frame of every page: its heading, its actions, tabs below, and the body.
 *
 * @param {{title: any, name?: string, parent?: {path: string, label: string}, actions?: any, tabs?: any, children?: any,
 *   flush?: boolean}} props `name` is the title as text, for the browser's tab; `flush` leaves out the padding
 */
export function Page({ title, name, parent, actions, tabs, children, flush = false }) {
  const text = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = text ? `${text} · Understudy` : "Understudy";
  }, [text]);
  return html`<header class="page-head">
      <h1 tabindex="-1" id="page-title">${parent && html`<a class="parent" href=${hrefOf(parent.path)}>${parent.label}</a>`}<span>${title}</span></h1>
      ${actions && html`<div class="page-actions">${actions}</div>`}
      ${tabs}
    </header>
    <div class="page-body ${flush ? "is-flush" : ""}">${children}</div>`;
}
