import { Badge, Count, Id, Metadata, Name, Time, WholeSeconds } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** The first words of an answer. @param {any} row */
function previewOf(row) {
  const parts = (row.output ?? []).flatMap((/** @type {any} */ item) => item.content ?? []);
  const text = parts.map((/** @type {any} */ part) => part.text ?? part.refusal ?? "").join(" ").trim();
  const calls = (row.output ?? []).filter((/** @type {any} */ item) => item.name).map((/** @type {any} */ item) => `${item.name}()`);
  return (text || calls.join(" ") || row.error?.message || row.id).slice(0, 200);
}

/** From the request to the end. @param {any} row */
const secondsOf = (row) => (row.completed_at ? Math.max(row.completed_at - row.created_at, 0) : null);

/** @type {import("../../ui/noun/noun.js").Noun} */
export const RESPONSES = {
  name: "responses",
  path: "/responses",
  emptyCall: { method: "POST", path: "/responses", body: { model: "rehearsal", input: "What is 6 * 7?" } },
  icon: "message-square",
  title: (row) => row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  filters: [{ name: "status", options: ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"] }],
  columns: [
    { name: "answer", isMain: true, cell: (row) => html`<${Name} text=${previewOf(row)} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "model", priority: 3, cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "tokens", isNumber: true, priority: 2, cell: (row) => html`<${Count} value=${row.usage?.total_tokens} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "duration", cell: (row) => html`<${WholeSeconds} seconds=${secondsOf(row)} />` },
    { name: "input_tokens", cell: (row) => html`<${Count} value=${row.usage?.input_tokens} />` },
    { name: "output_tokens", cell: (row) => html`<${Count} value=${row.usage?.output_tokens} />` },
    { name: "conversation", cell: (row) => html`<${Id} id=${row.conversation?.id} />` },
    { name: "previous", cell: (row) => html`<${Id} id=${row.previous_response_id} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "instructions", isWide: true, cell: (row) => html`<div class="prose" dir="auto">${typeof row.instructions === "string" ? row.instructions : "—"}</div>` },
  ],
};
