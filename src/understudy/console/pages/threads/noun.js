import { route } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { MarkedText } from "../../ui/marked_text.js";
import { Badge, Count, Id, Ids, Metadata, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const MATCH_CHARACTERS = 160;

/** @type {import("../../ui/noun/noun.js").Noun} */
export const THREADS = {
  name: "threads",
  path: "/threads",
  icon: "messages-square",
  title: (row) => row.id,
  canSearch: true,
  canFilterMetadata: true,
  canDelete: true,
  query: { "include[]": ["preview", "message_count", "last_run", "match"] },
  columns: [
    { name: "preview", isMain: true, cell: (row) => html`<${ThreadLine} row=${row} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "metadata", priority: 3, cell: (row) => html`<${Metadata} metadata=${row.metadata} limit=${2} />` },
    { name: "last_run", cell: (row) => html`<${Badge} state=${row.last_run?.status} />` },
    { name: "message_count", isNumber: true, priority: 2, cell: (row) => html`<${MessageCount} count=${row.message_count} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  form: [{ name: "metadata", kind: "metadata" }],
  fields: [
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "metadata", cell: (row) => html`<${Metadata} metadata=${row.metadata} />` },
    { name: "files", cell: (row) => html`<${Ids} ids=${row.tool_resources?.code_interpreter?.file_ids} />` },
    { name: "stores", cell: (row) => html`<${Ids} ids=${row.tool_resources?.file_search?.vector_store_ids} />` },
  ],
};

/** What a thread is about: the message that the search matches, else its first one. @param {{row: any}} props */
function ThreadLine({ row }) {
  const query = route.value.query.get("q") ?? "";
  const text = (row.match?.text ?? row.preview ?? "").trim();
  if (!text) return html`<span class="muted">${t("threads.no-text")}</span>`;
  return row.match ? html`<bdi class="name"><${MarkedText} text=${aroundMatch(text, query)} query=${query} /></bdi>` : html`<${Name} text=${text} />`;
}

/** The part of a long text around the first word of a search. @param {string} text @param {string} query */
function aroundMatch(text, query) {
  const first = query.trim().split(/\s+/)[0] ?? "";
  const index = text.toLowerCase().indexOf(first.toLowerCase());
  const start = index > MATCH_CHARACTERS / 3 ? index - Math.round(MATCH_CHARACTERS / 4) : 0;
  return `${start > 0 ? "…" : ""}${text.slice(start, start + MATCH_CHARACTERS * 2)}`;
}

/** 10,000 stands for as many and more. @param {{count: number | undefined}} props */
function MessageCount({ count }) {
  return html`<span class="nowrap"><${Count} value=${count} />${count === 10_000 && "+"}</span>`;
}
