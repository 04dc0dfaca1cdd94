import { Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const TOOLS = {
  name: "tools",
  path: "/api/v3/tools",
  icon: "wrench",
  title: (row) => row.name,
  canSearch: true,
  searchParameter: "search",
  readPage: (page) => ({ data: page.items.map((/** @type {any} */ tool) => ({ ...tool, id: tool.slug })), has_more: false }),
  query: { limit: 1000 },
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} /><span class="tool-text muted"> ${row.description}</span>` },
    { name: "slug", priority: 3, cell: (row) => html`<span class="mono">${row.slug}</span>` },
    { name: "tags", priority: 2, cell: (row) => html`<span class="tags">${tagsOf(row)}</span>` },
  ],
  fields: [
    { name: "slug", isWide: true, cell: (row) => html`<span class="mono">${row.slug}</span>` },
    { name: "description", isWide: true, cell: (row) => html`<div class="prose">${row.description}</div>` },
    { name: "tags", isWide: true, cell: (row) => html`<span class="tags">${tagsOf(row)}</span>` },
  ],
};

/** @param {any} row */
function tagsOf(row) {
  return row.tags.map((/** @type {string} */ tag) => html`<span class="tag" key=${tag}>${tag.replace(/Hint$/, "")}</span>`);
}
