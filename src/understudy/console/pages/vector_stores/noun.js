import { t } from "../../text/texts.js";
import { Badge, Bytes, Count, Id, Metadata, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { FileCounts } from "./file_counts.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const VECTOR_STORES = {
  name: "vector-stores",
  path: "/vector_stores",
  icon: "database",
  title: (row) => row.name || row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  hasReferences: true,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} empty=${t("vector-stores.unnamed")} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "files", cell: (row) => html`<${FileCounts} counts=${row.file_counts} />` },
    { name: "bytes", isNumber: true, priority: 2, cell: (row) => html`<${Bytes} bytes=${row.usage_bytes} />` },
    { name: "last_active_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.last_active_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "files", cell: (row) => html`<${FileCounts} counts=${row.file_counts} />` },
    { name: "bytes", cell: (row) => html`<${Bytes} bytes=${row.usage_bytes} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "last_active_at", cell: (row) => html`<${Time} at=${row.last_active_at} full=${true} />` },
    { name: "expires_at", cell: (row) => (row.expires_at ? html`<${Time} at=${row.expires_at} full=${true} />` : t("vector-stores.never")) },
    { name: "pending_vectors", cell: (row) => html`<${Count} value=${row.pending_vectors ?? 0} />` },
    { name: "description", cell: (row) => html`<${Name} text=${row.description} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
  ],
  form: [
    { name: "name", kind: "text" },
    { name: "description", kind: "text", only: "create" },
    { name: "metadata", kind: "metadata" },
  ],
};
