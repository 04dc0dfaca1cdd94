/** Why a passage was found: the ranks, scores and weights of its words and of its meaning. */
import { formatNumber } from "../../lib/format.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

/** @param {{reason: any}} props `explanation` of the API */
export function HitReason({ reason }) {
  const { words, vectors, merged_chunks: merged } = reason;
  return html`<dl class="reason">
    ${words && html`<${Half} name="words" half=${words}>${words.terms.length ? words.terms.map((/** @type {any} */ term) => html`<${Term} key=${term.term} term=${term} />`) : t("vector-stores.reason.no-words")}<//>`}
    ${vectors && html`<${Half} name="vectors" half=${vectors}>${t("vector-stores.reason.similarity", { value: vectors.similarity.toFixed(2) })}<//>`}
    ${merged.length > 1 && html`<div><dt>${t("vector-stores.reason.merged")}</dt><dd>${merged.map((/** @type {any} */ chunk) => html`<span key=${chunk.chunk_index} class="tag">${t("vector-stores.reason.chunk", { number: chunk.chunk_index + 1, score: chunk.score.toFixed(2) })}</span>`)}</dd></div>`}
  </dl>`;
}

/** @param {{name: "words" | "vectors", half: any, children?: any}} props */
function Half({ name, half, children }) {
  const rank = half.rank === null ? "—" : t("vector-stores.reason.rank", { rank: half.rank });
  const weight = formatNumber(Math.round(half.weight * 100), currentLocale());
  const label = t(`vector-stores.reason.${name}`);
  return html`<div><dt>${label}</dt>
    <dd><span class="number">${rank}</span><meter min="0" max="1" value=${half.score} aria-label=${t("vector-stores.reason.score", { name: label })}></meter>
      <span class="number">${half.score.toFixed(2)}</span><span class="number muted">× ${weight} %</span><span class="reason-detail">${children}</span></dd></div>`;
}

/** A term with the forms that the passage has. @param {{term: any}} props */
function Term({ term }) {
  const forms = term.words.length ? term.words.join(", ") : term.term;
  return html`<span class="tag"><bdi>${forms}</bdi>${term.count > 1 && html` <span class="muted">×${term.count}</span>`}${term.filename_count > 0 && html` <span class="muted">${t("vector-stores.reason.in-name")}</span>`}</span>`;
}
