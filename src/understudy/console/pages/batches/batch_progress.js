import { t } from "../../text/texts.js";
import { Badge } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** How many requests of a batch are done. @param {{counts: {total: number, completed: number, failed: number}}} props */
export function BatchProgress({ counts: { total, completed, failed } }) {
  if (!total) return html`<span class="muted">—</span>`;
  const text = t("batches.progress", { done: completed + failed, total });
  return html`<span class="batch-progress"><progress max=${total} value=${completed + failed} aria-label=${text}></progress><span class="nowrap">${text}</span>
    ${failed > 0 && html`<${Badge} state="failed" label=${t("batches.failed", { count: failed })} />`}</span>`;
}
