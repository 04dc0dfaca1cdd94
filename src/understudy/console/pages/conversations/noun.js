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
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "metadata", priority: 2, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${3} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
};
