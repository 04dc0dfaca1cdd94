import { t } from "../../text/texts.js";
import { endOf } from "../../ui/transfer/transfer_detail.js";
import { TransferProgress } from "../../ui/transfer/transfer_progress.js";
import { Badge, Id, Metadata, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {{row: any}} props */
const Status = ({ row }) => html`<span class="tags"><${Badge} state=${row.status} />${row.dry_run && html`<span class="tag">${t("deletions.dry-run")}</span>`}</span>`;

/** @type {import("../../ui/noun/noun.js").Noun} */
export const DELETIONS = {
  name: "deletions",
  path: "/deletions",
  icon: "trash",
  title: (row) => row.id,
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "status", cell: (row) => html`<${Status} row=${row} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${2} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Status} row=${row} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "started_at", cell: (row) => html`<${Time} at=${row.started_at} full=${true} />` },
    { name: "ended_at", cell: (row) => html`<${Time} at=${endOf(row)} full=${true} />` },
  ],
  form: [{ name: "metadata", kind: "metadata", required: true }, { name: "dry_run", kind: "switch" }],
  canEdit: false,
  confirmCreate: ({ metadata, dry_run: isDryRun }) => !isDryRun && isPairs(metadata) && {
    title: t("deletions.confirm.title"),
    text: t("deletions.confirm.text"),
    details: html`<${Metadata} metadata=${metadata} />`,
    action: t("deletions.confirm.action"),
  },
};

/** Everything else is sent without a question, and the server names the error. @param {any} value */
function isPairs(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0 && Object.values(value).every((one) => typeof one === "string");
}
