import { Badge, Bytes, Id, Name, Time } from "../../ui/values.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

/** What a client may upload a file for. */
export const UPLOAD_PURPOSES = ["assistants", "user_data", "batch", "vision", "fine-tune", "evals"];

/** @type {import("../../ui/noun/noun.js").Noun} */
export const FILES = {
  name: "files",
  path: "/files",
  icon: "files",
  title: (row) => row.filename,
  canSearch: true,
  canDelete: true,
  hasReferences: true,
  filters: [{ name: "purpose", options: [...UPLOAD_PURPOSES, "assistants_output", "batch_output"] }],
  columns: [
    { name: "filename", isMain: true, cell: (row) => html`<${Name} text=${row.filename} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "purpose", cell: (row) => html`<span class="mono">${row.purpose}</span>` },
    { name: "bytes", isNumber: true, cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "purpose", cell: (row) => html`<span class="mono">${row.purpose}</span>` },
    { name: "bytes", cell: (row) => html`<${Bytes} bytes=${row.bytes} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "expires_at", cell: (row) => (row.expires_at ? html`<${Time} at=${row.expires_at} full=${true} />` : t("files.never")) },
  ],
};
