import { t } from "../../text/texts.js";
import { html } from "../view.js";

const ACTIVE = new Set(["queued", "in_progress", "cancelling"]);

/** Whether an import, export or deletion has not ended. @param {any} row */
export const isActive = (row) => ACTIVE.has(row.status);

/** How many objects are done; the total is unknown while the input is read, and of exports and deletions. @param {{row: any}} props */
export function TransferProgress({ row: { status, progress: { done, total } } }) {
  if (status === "queued" || (status === "failed" && !done)) return html`<span class="muted">—</span>`;
  const text = total === null || total === done ? t("transfers.objects", { count: done }) : t("transfers.progress", { done, total });
  if (total === null || !isActive({ status })) return html`<span class="nowrap">${text}</span>`;
  return html`<span class="transfer-progress"><progress max=${Math.max(total, 1)} value=${done} aria-label=${text}></progress><span class="nowrap">${text}</span></span>`;
}
