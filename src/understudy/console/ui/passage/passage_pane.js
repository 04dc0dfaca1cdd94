/** The passages of a file that a run or a response found, with their scores, each in its file if the reader wants it. */
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { ErrorNote } from "../error_note.js";
import { useResource } from "../resource.js";
import { Skeleton } from "../states.js";
import { Id, Name } from "../values.js";
import { html, useState } from "../view.js";
import { ChunkList } from "./chunk_list.js";

const CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

/** @typedef {{file: string, thread: string, run: string} | {file: string, results: readonly any[]}} PassageSource `results` have the shape that steps of runs have */

/** @param {{source: PassageSource}} props */
export function PassagePane({ source }) {
  return "results" in source ? html`<${Passages} file=${source.file} results=${source.results} />` : html`<${RunPassages} ...${source} />`;
}

/** @param {{file: string, thread: string, run: string}} props */
function RunPassages({ file, thread, run }) {
  const path = `/threads/${encodeURIComponent(thread)}/runs/${encodeURIComponent(run)}/steps`;
  const { data, error, reload } = useResource(path, { limit: 100, order: "asc", "include[]": [CONTENT] });
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${4} />`;
  const results = data.data.flatMap((/** @type {any} */ step) => step.step_details.tool_calls ?? []).flatMap((/** @type {any} */ call) => call.file_search?.results ?? []);
  return html`<${Passages} file=${file} results=${results} />`;
}

/** @param {{file: string, results: readonly any[]}} props */
function Passages({ file, results }) {
  const hits = listHits(results, file);
  const name = hits[0]?.file_name;
  return html`<div class="stack"><div class="stack-small">${name && html`<h3><${Name} text=${name} /></h3>`}<${Id} id=${file} /></div>
    ${!hits.length && html`<p class="muted">${t("passages.none")}</p>`}
    ${hits.map((hit, index) => html`<${Passage} key=${index} hit=${hit} />`)}</div>`;
}

/** @param {{hit: any}} props */
function Passage({ hit }) {
  const [isOpen, setOpen] = useState(false);
  const text = hit.content.map((/** @type {any} */ part) => part.text).join("\n\n");
  const isKnown = hit.vector_store_id && hit.chunk_index !== undefined;
  return html`<article class="passage">
    <header class="inline muted"><span>${t("passages.score", { score: hit.score.toFixed(2) })}</span>${hit.page !== undefined && html`<span>${t("chunks.page", { page: hit.page })}</span>`}
      <span class="spring"></span>${isKnown && html`<${Button} kind="quiet" icon="chevrons-up-down" expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${t("passages.neighbours")}<//>`}</header>
    ${hit.heading_path?.length > 0 && html`<p class="muted"><${Name} text=${hit.heading_path.join(" › ")} /></p>`}
    ${isOpen ? html`<${ChunkList} store=${hit.vector_store_id} file=${hit.file_id} at=${hit.chunk_index} passage=${text} limit=${3} />` : html`<div class="prose" dir="auto">${text}</div>`}
  </article>`;
}

/** Each passage once, the best first. @param {readonly any[]} results @param {string} file @returns {any[]} */
function listHits(results, file) {
  const byText = new Map(results.filter((/** @type {any} */ hit) => hit.file_id === file && hit.content?.length).map((/** @type {any} */ hit) => [hit.content[0].text, hit]));
  return [...byText.values()].sort((a, b) => b.score - a.score);
}
