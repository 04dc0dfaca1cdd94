import { Id, Ids, Metadata, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const THREADS = {
  name: "threads",
  path: "/threads",
  icon: "messages-square",
  title: (row) => row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "metadata", priority: 2, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${3} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
  fields: [
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "files", cell: (row) => html`<${Ids} ids=${row.tool_resources?.code_interpreter?.file_ids} />` },
    { name: "stores", cell: (row) => html`<${Ids} ids=${row.tool_resources?.file_search?.vector_store_ids} />` },
  ],
};
