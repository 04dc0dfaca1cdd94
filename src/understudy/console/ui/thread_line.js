import { route } from "../app/router.js";
import { t } from "../text/texts.js";
import { MarkedText } from "./marked_text.js";
import { Name } from "./values.js";
import { html } from "./view.js";

const MATCH_CHARACTERS = 160;

/** What a thread or a conversation is about: the message that the search matches, else its first one. @param {{row: any}} props */
export function ThreadLine({ row }) {
  const query = route.value.query.get("q") ?? "";
  const text = (row.match?.text ?? row.preview ?? "").trim();
  if (!text) return html`<span class="muted">${t("ui.no-text")}</span>`;
  return row.match ? html`<bdi class="name"><${MarkedText} text=${aroundMatch(text, query)} query=${query} /></bdi>` : html`<${Name} text=${text} />`;
}

/** The part of a long text around the first word of a search. @param {string} text @param {string} query */
function aroundMatch(text, query) {
  const first = query.trim().split(/\s+/)[0] ?? "";
  const index = text.toLowerCase().indexOf(first.toLowerCase());
  const start = index > MATCH_CHARACTERS / 3 ? index - Math.round(MATCH_CHARACTERS / 4) : 0;
  return `${start > 0 ? "…" : ""}${text.slice(start, start + MATCH_CHARACTERS * 2)}`;
}
