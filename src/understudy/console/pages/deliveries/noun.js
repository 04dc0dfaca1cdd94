import { Badge, Count, Id, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const DELIVERIES = {
  name: "deliveries",
  path: "/webhook_deliveries",
  emptyPage: "webhooks",
  icon: "send",
  title: (row) => row.id,
  filters: [{ name: "status", options: ["pending", "delivered", "failed"] }],
  columns: [
    { name: "event", isMain: true, cell: (row) => html`<span class="mono">${row.event.type}</span>` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "answer", cell: (row) => html`<span>${row.last_attempt?.status_code ?? "—"}</span>` },
    { name: "endpoint", priority: 3, cell: (row) => html`<${Id} id=${row.webhook_endpoint_id} link=${false} />` },
    { name: "attempts", isNumber: true, priority: 2, cell: (row) => html`<${Count} value=${row.attempts} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "event", cell: (row) => html`<span class="mono">${row.event.type}</span>` },
    { name: "subject", cell: (row) => html`<${Id} id=${row.event.data.id} parent=${row.event.data.thread_id} />` },
    { name: "endpoint", cell: (row) => html`<${Id} id=${row.webhook_endpoint_id} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "attempts", cell: (row) => html`<${Count} value=${row.attempts} />` },
    { name: "last_attempt", cell: (row) => html`<${Time} at=${row.last_attempt?.attempted_at} full=${true} />` },
    { name: "next_attempt", cell: (row) => html`<${Time} at=${row.next_attempt_at} full=${true} />` },
    { name: "answer", cell: (row) => html`<span>${row.last_attempt?.error ?? row.last_attempt?.status_code ?? "—"}</span>` },
  ],
};
