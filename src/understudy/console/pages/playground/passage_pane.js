/** The passages of a file that a run found, with their scores. */
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { Id, Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

/** @typedef {{thread: string, run: string, file: string}} PassageSource */

/** @param {{source: PassageSource}} props */
export function PassagePane({ source }) {
  const path = `/threads/${encodeURIComponent(source.thread)}/runs/${encodeURIComponent(source.run)}/steps`;
  const { data, error, reload } = useResource(path, { limit: 100, order: "asc", "include[]": [CONTENT] });
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${4} />`;
  const hits = passagesOf(data.data, source.file);
  const name = hits[0]?.file_name;
  return html`<div class="stack"><div class="stack-small">${name && html`<h3><${Name} text=${name} /></h3>`}<${Id} id=${source.file} /></div>
    ${!hits.length && html`<p class="muted">${t("playground.passage.none")}</p>`}
    ${hits.map((hit, index) => html`<article key=${index} class="passage"><header class="muted"><span>${t("playground.passage.score", { score: hit.score.toFixed(2) })}</span></header>
      <div class="prose" dir="auto">${hit.content.map((/** @type {any} */ part) => part.text).join("\n\n")}</div></article>`)}</div>`;
}

/** Each passage once, the best first. @param {readonly any[]} steps @param {string} file @returns {any[]} */
function passagesOf(steps, file) {
  const results = steps.flatMap((step) => step.step_details.tool_calls ?? []).flatMap((/** @type {any} */ call) => call.file_search?.results ?? []);
  const byText = new Map(results.filter((/** @type {any} */ hit) => hit.file_id === file && hit.content?.length).map((/** @type {any} */ hit) => [hit.content[0].text, hit]));
  return [...byText.values()].sort((a, b) => b.score - a.score);
}
