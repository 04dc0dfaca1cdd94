import { html } from "./view.js";

/** A text with `code` in backticks. @param {{text: string}} props */
export function WithCode({ text }) {
  return html`<bdi>${text.split("`").map((part, index) => (index % 2 ? html`<code key=${index}>${part}</code>` : part))}</bdi>`;
}
