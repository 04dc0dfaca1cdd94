import { t } from "../../text/texts.js";
import { Icon } from "../../ui/icon.js";
import { html } from "../../ui/view.js";

/**
 * One of the first steps: its number, or a tick once it is done.
 *
 * @param {{number: number, title: string, isDone: boolean, isCurrent: boolean, summary?: any, children?: any}} props
 *   `summary` is what was done
 */
export function Step({ number, title, isDone, isCurrent, summary, children }) {
  return html`<li class="step ${isDone ? "is-done" : ""} ${isCurrent ? "is-current" : ""}" aria-current=${isCurrent ? "step" : undefined}>
    <span class="step-mark" aria-hidden="true">${isDone ? html`<${Icon} name="check" />` : number}</span>
    <div class="step-body"><div class="step-head"><h2>${title}${isDone && html`<span class="visually-hidden"> (${t("start.done")})</span>`}</h2>${isDone && html`<p class="step-summary">${summary}</p>`}</div>
      ${children}</div>
  </li>`;
}

/** Something more for those who want it. @param {{label: string, isOpen?: boolean, children?: any}} props */
export function More({ label, isOpen = false, children }) {
  return html`<details class="more" open=${isOpen}><summary>${label}</summary><div class="stack">${children}</div></details>`;
}
