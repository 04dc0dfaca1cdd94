/** One passage that a question finds: its place and score, why it was found, and its neighbours in the file. */
import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy_button.js";
import { Icon } from "../../ui/icon.js";
import { MarkedText } from "../../ui/marked_text.js";
import { ChunkList } from "../../ui/passage/chunk_list.js";
import { Metadata, Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { HitReason } from "./hit_reason.js";

/** @param {{store: string, hit: any, rank: number, question: string}} props */
export function SearchHit({ store, hit, rank, question }) {
  const [isOpen, setOpen] = useState(false);
  const text = hit.content.map((/** @type {any} */ part) => part.text).join("\n");
  const headings = hit.heading_path ?? [];
  const reason = hit.explanation;
  const words = markedWords(question, reason);
  return html`<li class="hit">
    <header class="hit-head"><span class="number muted">${rank}</span>
      <span class="hit-score" title=${t("vector-stores.score")}><meter min="0" max="1" value=${hit.score} aria-label=${t("vector-stores.score")}></meter><span class="number">${hit.score.toFixed(2)}</span></span>
      <a href=${hrefOf(`vector-stores/${store}/files/${hit.file_id}`, { chunk: String(reason.chunk_index) })}><${Name} text=${hit.filename} /></a>
      ${hit.page !== undefined && html`<span class="muted nowrap">${t("vector-stores.page", { page: hit.page })}</span>`}
      <span class="spring"></span><${Button} kind="quiet" icon="chevrons-up-down" expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${t("vector-stores.neighbours")}<//><${CopyButton} text=${text} label=${t("vector-stores.copy-passage")} /></header>
    ${headings.length > 0 && html`<p class="hit-place muted">${headings.map((/** @type {string} */ heading, /** @type {number} */ index) => html`${index > 0 && html`<${Icon} name="chevron-right" size=${12} />`}<${Name} text=${heading} />`)}</p>`}
    ${isOpen ? html`<${ChunkList} store=${store} file=${hit.file_id} at=${reason.chunk_index} passage=${text} limit=${3} words=${words} />` : html`<div class="prose" dir="auto"><${MarkedText} text=${text} query=${words.join(" ")} /></div>`}
    <${HitReason} reason=${reason} />
    ${Object.keys(hit.attributes ?? {}).length > 0 && html`<${Metadata} metadata=${Object.fromEntries(Object.entries(hit.attributes).map(([key, value]) => [key, String(value)]))} />`}
  </li>`;
}

/** The words of the passage that match the question, also in another form. @param {string} question @param {any} reason @returns {string[]} */
function markedWords(question, reason) {
  return reason.words ? reason.words.terms.flatMap((/** @type {any} */ term) => term.words) : [question];
}
