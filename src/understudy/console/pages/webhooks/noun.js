import { t } from "../../text/texts.js";
import { Id, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

export const EVENT_TYPES = [
  "batch.completed", "batch.failed", "batch.expired", "batch.cancelled",
  "response.completed", "response.failed", "response.cancelled", "response.incomplete",
  "thread.run.completed", "thread.run.failed", "thread.run.cancelled", "thread.run.expired", "thread.run.incomplete", "thread.run.requires_action",
];

/** @type {import("../../ui/noun/noun.js").Noun} */
export const WEBHOOKS = {
  name: "webhooks",
  path: "/webhook_endpoints",
  icon: "webhook",
  title: (row) => row.name,
  canSearch: true,
  canDelete: true,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} />` },
    { name: "url", priority: 2, cell: (row) => html`<bdi class="mono">${shorten(row.url)}</bdi>` },
    { name: "events", cell: (row) => (row.event_types.includes("*") ? t("webhooks.all-events") : t("webhooks.event-count", { count: row.event_types.length })) },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "url", cell: (row) => html`<bdi class="mono">${row.url}</bdi>` },
    { name: "secret", cell: (row) => html`<span class="mono">${row.signing_secret_hint}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "updated_at", cell: (row) => html`<${Time} at=${row.updated_at} full=${true} />` },
    { name: "events", cell: (row) => html`<span class="tags">${row.event_types.map((/** @type {string} */ type) => html`<span class="tag" key=${type}>${type === "*" ? t("webhooks.all-events") : type}</span>`)}</span>` },
  ],
  form: [
    { name: "name", kind: "text", required: true },
    { name: "url", kind: "text", required: true },
    { name: "event_types", kind: "choices", options: ["*", ...EVENT_TYPES], initial: ["*"] },
  ],
};

/** @param {string} url */
const shorten = (url) => (url.length > 48 ? `${url.slice(0, 47)}…` : url);
