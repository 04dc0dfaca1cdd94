import { t } from "../../text/texts.js";
import { Count, Id, Ids, Metadata, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {any} row */
const toolNames = (row) => row.tools.map((/** @type {any} */ tool) => tool.function?.name ?? t(`assistants.tool.${tool.type}`));

/** @type {import("../../ui/noun/noun.js").Noun} */
export const ASSISTANTS = {
  name: "assistants",
  path: "/assistants",
  icon: "bot",
  title: (row) => row.name || row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  hasReferences: true,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} empty=${t("assistants.unnamed")} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "tools", priority: 2, cell: (row) => html`<${Tools} names=${toolNames(row)} limit=${3} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "temperature", cell: (row) => html`<${Count} value=${row.temperature} />` },
    { name: "top_p", cell: (row) => html`<${Count} value=${row.top_p} />` },
    { name: "tools", cell: (row) => html`<${Tools} names=${toolNames(row)} limit=${50} />` },
    { name: "stores", cell: (row) => html`<${Ids} ids=${row.tool_resources?.file_search?.vector_store_ids} />` },
    { name: "files", cell: (row) => html`<${Ids} ids=${row.tool_resources?.code_interpreter?.file_ids} />` },
    { name: "description", cell: (row) => html`<${Name} text=${row.description} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "instructions", isWide: true, cell: (row) => html`<div class="prose" dir="auto">${row.instructions ?? "—"}</div>` },
  ],
  form: [
    { name: "name", kind: "text" },
    { name: "model", kind: "model", required: true },
    { name: "instructions", kind: "area" },
    { name: "tools", kind: "json", initial: [] },
    { name: "temperature", kind: "number" },
    { name: "top_p", kind: "number" },
    { name: "description", kind: "text" },
    { name: "metadata", kind: "metadata" },
  ],
};

/** @param {{names: string[], limit: number}} props */
function Tools({ names, limit }) {
  if (!names.length) return html`<span class="muted">—</span>`;
  return html`<span class="tags">${names.slice(0, limit).map((name) => html`<span class="tag">${name}</span>`)}${names.length > limit && html`<span class="muted">+${names.length - limit}</span>`}</span>`;
}
