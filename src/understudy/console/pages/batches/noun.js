import { t } from "../../text/texts.js";
import { Badge, Count, Id, Metadata, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { BatchProgress } from "./batch_progress.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const BATCHES = {
  name: "batches",
  path: "/batches",
  icon: "layers",
  title: (row) => row.id,
  canSearch: true,
  canFilterMetadata: true,
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<${Id} id=${row.id} link=${false} copy=${false} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "progress", cell: (row) => html`<${BatchProgress} counts=${row.request_counts} />` },
    { name: "endpoint", priority: 3, cell: (row) => html`<span class="mono">${row.endpoint}</span>` },
    { name: "metadata", priority: 3, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${2} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "progress", cell: (row) => html`<${BatchProgress} counts=${row.request_counts} />` },
    { name: "endpoint", cell: (row) => html`<span class="mono">${row.endpoint}</span>` },
    { name: "model", cell: (row) => html`<span class="mono">${row.model ?? "—"}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "ended_at", cell: (row) => html`<${Time} at=${row.completed_at ?? row.failed_at ?? row.cancelled_at ?? row.expired_at} full=${true} />` },
    { name: "expires_at", cell: (row) => html`<${Time} at=${row.expires_at} full=${true} />` },
    { name: "tokens", cell: (row) => html`<span><${Count} value=${row.usage?.input_tokens} /> → <${Count} value=${row.usage?.output_tokens} /></span>` },
    { name: "input_file", cell: (row) => html`<${Id} id=${row.input_file_id} />` },
    { name: "output_file", cell: (row) => html`<${Id} id=${row.output_file_id} />` },
    { name: "error_file", cell: (row) => html`<${Id} id=${row.error_file_id} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
  ],
  form: [
    { name: "input_file_id", kind: "text", required: true, only: "create" },
    { name: "endpoint", kind: "select", required: true, only: "create", initial: "/v1/chat/completions", options: ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions"] },
    { name: "completion_window", kind: "select", required: true, only: "create", initial: "24h", options: ["24h"] },
    { name: "metadata", kind: "metadata", only: "create" },
  ],
  canEdit: false,
};

/** Why a batch cannot run. @param {any} row */
export const errorsOf = (row) => (row.errors?.data ?? []).map((/** @type {any} */ one) => (one.line === null ? one.message : t("batches.line", { line: one.line, message: one.message })));
