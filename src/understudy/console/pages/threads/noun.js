import { ThreadLine } from "../../ui/thread_line.js";
import { Badge, Count, Id, Ids, Metadata, Time } from "../../ui/values.js";
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
  query: { order_by: "last_active_at", "include[]": ["preview", "message_count", "last_run", "match"] },
  columns: [
    { name: "preview", isMain: true, cell: (row) => html`<${ThreadLine} row=${row} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "metadata", priority: 3, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${2} />` },
    { name: "last_run", cell: (row) => html`<${Badge} state=${row.last_run?.status} />` },
    { name: "message_count", isNumber: true, priority: 2, cell: (row) => html`<${MessageCount} count=${row.message_count} />` },
    { name: "last_active_at", isNumber: true, cell: (row) => html`<${Time} at=${row.last_active_at ?? row.created_at} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
  fields: [
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "files", cell: (row) => html`<${Ids} ids=${row.tool_resources?.code_interpreter?.file_ids} />` },
    { name: "stores", cell: (row) => html`<${Ids} ids=${row.tool_resources?.file_search?.vector_store_ids} />` },
  ],
};

/** 10,000 stands for as many and more. @param {{count: number | undefined}} props */
function MessageCount({ count }) {
  return html`<span class="nowrap"><${Count} value=${count} />${count === 10_000 && "+"}</span>`;
}
