import { ThreadLine } from "../../ui/thread_line.js";
import { Id, Metadata, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const CONVERSATIONS = {
  name: "conversations",
  path: "/conversations",
  icon: "message-circle",
  title: (row) => row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  query: { order_by: "last_active_at", "include[]": ["preview", "match"] },
  columns: [
    { name: "preview", isMain: true, cell: (row) => html`<${ThreadLine} row=${row} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "metadata", priority: 2, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${3} />` },
    { name: "last_active_at", isNumber: true, cell: (row) => html`<${Time} at=${row.last_active_at} />` },
  ],
  fields: [
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
};
