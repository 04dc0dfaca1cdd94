import { t } from "../../text/texts.js";
import { endOf } from "../../ui/transfer/transfer_detail.js";
import { TransferProgress } from "../../ui/transfer/transfer_progress.js";
import { Badge, Bytes, Id, Metadata, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** Which objects an export has. @param {{row: any, limit?: number}} props */
const Selected = ({ row, limit }) => (Object.keys(row.metadata).length ? html`<${Metadata} metadata=${row.metadata} limit=${limit ?? 99} />` : html`<span>${t("exports.everything")}</span>`);

/** @type {import("../../ui/noun/noun.js").Noun} */
export const EXPORTS = {
  name: "exports",
  path: "/exports",
  icon: "archive",
  title: (row) => row.id,
  canDelete: true,
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "metadata", cell: (row) => html`<${Selected} row=${row} limit=${2} />` },
    { name: "bytes", isNumber: true, priority: 3, cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "metadata", cell: (row) => html`<${Selected} row=${row} />` },
    { name: "bytes", cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "started_at", cell: (row) => html`<${Time} at=${row.started_at} full=${true} />` },
    { name: "ended_at", cell: (row) => html`<${Time} at=${endOf(row)} full=${true} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
  canEdit: false,
};
