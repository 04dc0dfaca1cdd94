import { Count, Duration, Id, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { LastError, ModelState } from "./model_health.js";
import { Price } from "./price.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const MODELS = {
  name: "models",
  path: "/models",
  icon: "cpu",
  title: (row) => row.id,
  pathOf: (row) => `models/${encodeURIComponent(row.id)}`,
  apiPathOf: (id) => `/model/${encodeURIComponent(id)}?include[]=health`,
  readRow: (answer) => answer.data,
  query: { details: "true", "include[]": "health" },
  filters: [{ name: "type", options: ["chat-completion", "embedding", "image", "video", "audio"] }],
  columns: [
    { name: "id", isMain: true, cell: (row) => html`<span class="mono">${row.id}</span>` },
    { name: "type", priority: 2, cell: (row) => html`<span>${row.type}</span>` },
    { name: "owned_by", priority: 3, cell: (row) => html`<bdi>${row.owned_by}</bdi>` },
    { name: "health", priority: 2, cell: (row) => html`<${ModelState} health=${row.health} />` },
    { name: "first_delta", isNumber: true, priority: 3, cell: (row) => html`<${Duration} milliseconds=${row.health?.p50_first_delta_ms} />` },
    { name: "context", isNumber: true, priority: 3, cell: (row) => html`<${Count} value=${row.info.contextLength} />` },
    { name: "input", isNumber: true, cell: (row) => html`<${Price} pricing=${row.pricing} name="input" />` },
    { name: "output", isNumber: true, cell: (row) => html`<${Price} pricing=${row.pricing} name="output" />` },
  ],
  fields: [
    { name: "type", cell: (row) => html`<span>${row.type}</span>` },
    { name: "owned_by", cell: (row) => html`<bdi>${row.owned_by}</bdi>` },
    { name: "health", cell: (row) => html`<${ModelState} health=${row.health} />` },
    { name: "last_success", cell: (row) => html`<${Time} at=${row.health?.last_success_at} full=${true} />` },
    { name: "last_error", cell: (row) => html`<${LastError} health=${row.health} />` },
    { name: "first_delta", cell: (row) => html`<${Duration} milliseconds=${row.health?.p50_first_delta_ms} />` },
    { name: "context", cell: (row) => html`<${Count} value=${row.info.contextLength} />` },
    { name: "created", cell: (row) => html`<${Time} at=${row.created} full=${true} />` },
    { name: "input", cell: (row) => html`<${Price} pricing=${row.pricing} name="input" />` },
    { name: "cached_input", cell: (row) => html`<${Price} pricing=${row.pricing} name="cached_input" />` },
    { name: "output", cell: (row) => html`<${Price} pricing=${row.pricing} name="output" />` },
    { name: "aliases", cell: (row) => html`<${Tags} names=${row.aliases} />` },
    { name: "capabilities", cell: (row) => html`<${Tags} names=${row.capabilities} />` },
    { name: "endpoints", cell: (row) => html`<${Tags} names=${row.endpoints} />` },
  ],
};

/** @param {{names: string[] | undefined}} props */
function Tags({ names }) {
  if (!names?.length) return html`<${Id} id=${null} />`;
  return html`<span class="tags">${names.map((name) => html`<span class="tag" key=${name}>${name}</span>`)}</span>`;
}
