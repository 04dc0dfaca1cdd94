import { html, signal } from "./view.js";

/** The last thing that a screen reader should speak. */
const status = signal("");

/** @param {string} text one short sentence */
export function announce(text) {
  status.value = "";
  queueMicrotask(() => {
    status.value = text;
  });
}

/** The one status line of the shell. */
export function StatusLine() {
  return html`<div class="visually-hidden" role="status">${status.value}</div>`;
}
