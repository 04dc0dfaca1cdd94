import { Badge, Count, Id, Metadata, Time, WholeSeconds } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { secondsOf } from "./run_values.js";

const STATUSES = ["queued", "in_progress", "requires_action", "cancelling", "completed", "failed", "incomplete", "cancelled", "expired"];

/** @type {import("../../ui/noun/noun.js").Noun} */
export const RUNS = {
  name: "runs",
  path: "/runs",
  icon: "activity",
  emptyPage: "playground",
  title: (row) => row.id,
  pathOf: (row) => `threads/${row.thread_id}/runs/${row.id}`,
  canFilterMetadata: true,
  filters: [{ name: "status", options: STATUSES }],
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "model", priority: 2, cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "assistant", priority: 3, cell: (row) => html`<${Id} id=${row.assistant_id} copy=${false} />` },
    { name: "tokens", isNumber: true, priority: 3, cell: (row) => html`<${Count} value=${row.usage?.total_tokens} />` },
    { name: "duration", isNumber: true, priority: 2, cell: (row) => html`<${WholeSeconds} seconds=${secondsOf(row)} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "duration", cell: (row) => html`<${WholeSeconds} seconds=${secondsOf(row)} />` },
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "assistant", cell: (row) => html`<${Id} id=${row.assistant_id} />` },
    { name: "thread", cell: (row) => html`<${Id} id=${row.thread_id} />` },
    { name: "tokens", cell: (row) => html`<${Count} value=${row.usage?.prompt_tokens} /> → <${Count} value=${row.usage?.completion_tokens} />` },
    { name: "metadata", isWide: true, cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "instructions", isWide: true, cell: (row) => html`<div class="prose" dir="auto">${row.instructions ?? "—"}</div>` },
  ],
};
