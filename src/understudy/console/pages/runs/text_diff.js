import { diffWords } from "../../lib/text_diff.js";
import { t } from "../../text/texts.js";
import { html, useMemo } from "../../ui/view.js";

/** A text with what was removed from it and added to it. @param {{before: string, after: string}} props */
export function TextDiff({ before, after }) {
  const parts = useMemo(() => diffWords(before, after), [before, after]);
  if (before === after) return html`<p class="muted">${t("runs.compare.equal")}</p>`;
  return html`<div class="prose text-diff" dir="auto">${parts.map((part, index) => (part.kind === "removed" ? html`<del key=${index}>${part.text}</del>` : part.kind === "added" ? html`<ins key=${index}>${part.text}</ins>` : html`<span key=${index}>${part.text}</span>`))}</div>`;
}
