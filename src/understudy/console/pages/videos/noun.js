import { Badge, Money, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const PAGE = 50;

/** Seconds since 1970. @param {any} row */
const createdAt = (row) => Date.parse(row.created_at) / 1000;

/** @type {import("../../ui/noun/noun.js").Noun} */
export const VIDEOS = {
  name: "videos",
  path: "/luma-ai/generations",
  emptyCall: { method: "POST", path: "/luma-ai/generations", body: { user_prompt: "A lighthouse in the fog", aspect_ratio: "16:9" } },
  icon: "clapperboard",
  title: (row) => row.id,
  canDelete: true,
  apiPathOf: (id) => `/luma-ai/generation?ids=${encodeURIComponent(id)}`,
  readPage: (rows) => ({ data: rows, has_more: rows.length === PAGE }),
  readRow: (rows) => rows[0] ?? null,
  columns: [
    { name: "prompt", isMain: true, cell: (row) => html`<${Name} text=${row.prompt} />` },
    { name: "state", cell: (row) => html`<${Badge} state=${row.state} />` },
    { name: "model", priority: 3, cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${createdAt(row)} />` },
  ],
  fields: [
    { name: "state", cell: (row) => html`<${Badge} state=${row.state} />` },
    { name: "model", cell: (row) => html`<span class="mono">${row.model}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${createdAt(row)} full=${true} />` },
    { name: "format", cell: (row) => html`<span>${[row.request.resolution, row.request.aspect_ratio, row.request.duration].join(" · ")}</span>` },
    { name: "cost", cell: (row) => html`<${Money} dollars=${row.meta.usage.usd_spent} />` },
    { name: "failure", cell: (row) => html`<${Name} text=${row.failure_reason} />` },
    { name: "prompt", isWide: true, cell: (row) => html`<div class="prose" dir="auto">${row.prompt}</div>` },
  ],
};
