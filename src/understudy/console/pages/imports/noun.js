import { t } from "../../text/texts.js";
import { endOf } from "../../ui/transfer/transfer_detail.js";
import { TransferProgress } from "../../ui/transfer/transfer_progress.js";
import { Badge, Bytes, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

export const ON_CONFLICT = ["skip", "replace", "fail"];

/** @param {{row: any}} props */
const Status = ({ row }) => html`<span class="tags"><${Badge} state=${row.status} />${row.dry_run && html`<span class="tag">${t("imports.dry-run")}</span>`}</span>`;

/** @type {import("../../ui/noun/noun.js").Noun} */
export const IMPORTS = {
  name: "imports",
  path: "/imports",
  icon: "import",
  title: (row) => row.filename,
  columns: [
    { name: "filename", isMain: true, cell: (row) => html`<${Name} text=${row.filename} />` },
    { name: "status", cell: (row) => html`<${Status} row=${row} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "bytes", isNumber: true, priority: 2, cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Status} row=${row} />` },
    { name: "progress", cell: (row) => html`<${TransferProgress} row=${row} />` },
    { name: "bytes", cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "on_conflict", cell: (row) => html`<span>${t(`imports.on-conflict.${row.on_conflict}`)}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "started_at", cell: (row) => html`<${Time} at=${row.started_at} full=${true} />` },
    { name: "ended_at", cell: (row) => html`<${Time} at=${endOf(row)} full=${true} />` },
  ],
};
