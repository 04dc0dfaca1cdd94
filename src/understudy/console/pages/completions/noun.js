import { Count, Id, Metadata, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** The first words of an answer. @param {any} row */
function previewOf(row) {
  const { message } = row.choices[0] ?? {};
  const calls = (message?.tool_calls ?? []).map((/** @type {any} */ call) => `${call.function?.name ?? call.type}()`).join(" ");
  return ((message?.content ?? message?.refusal ?? "") || calls || row.id).slice(0, 200);
}

/** @type {import("../../ui/noun/noun.js").Noun} */
export const COMPLETIONS = {
  name: "completions",
  path: "/chat/completions",
  emptyCall: { method: "POST", path: "/chat/completions", body: { model: "rehearsal", messages: [{ role: "user", content: "What is 6 * 7?" }], store: true } },
  icon: "scroll-text",
  title: (row) => row.id,
  canFilterMetadata: true,
  canDelete: true,
  columns: [
    { name: "answer", isMain: true, cell: (row) => html`<${Name} text=${previewOf(row)} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "model", priority: 2, cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "tokens", isNumber: true, priority: 2, cell: (row) => html`<${Count} value=${row.usage?.total_tokens} />` },
    { name: "created", isNumber: true, cell: (row) => html`<${Time} at=${row.created} />` },
  ],
  fields: [
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "created", cell: (row) => html`<${Time} at=${row.created} full=${true} />` },
    { name: "tokens", cell: (row) => html`<span><${Count} value=${row.usage?.prompt_tokens} /> → <${Count} value=${row.usage?.completion_tokens} /></span>` },
    { name: "finish_reason", cell: (row) => html`<span class="mono">${row.choices[0]?.finish_reason ?? "—"}</span>` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
  canCreate: false,
};
