/** What a question finds in a vector store: the passages with their place and score. The question is in the URL. */
import { request } from "../../api/client.js";
import { hrefOf, route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy_button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextField } from "../../ui/field.js";
import { Icon } from "../../ui/icon.js";
import { MarkedText } from "../../ui/marked_text.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Duration, Metadata, Name } from "../../ui/values.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";

/** @typedef {{results: any[] | null, error: unknown, isLoading: boolean, milliseconds: number}} Search */
/** @type {Search} */
const NOTHING = { results: null, error: null, isLoading: false, milliseconds: 0 };

/** @param {{store: string}} props */
export function StoreSearch({ store }) {
  const { query } = route.value;
  const asked = { question: query.get("question") ?? "", most: query.get("results") ?? "10", threshold: query.get("threshold") ?? "0" };
  const [form, setForm] = useState(asked);
  const { results, error, isLoading, milliseconds } = useSearch(store, asked);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    setQuery({ question: form.question.trim() || null, results: form.most === "10" ? null : form.most, threshold: Number(form.threshold) ? form.threshold : null });
  };
  const element = useRef(/** @type {HTMLFormElement | null} */ (null));
  useShortcuts([{ key: "/", label: t("vector-stores.question"), run: () => element.current?.querySelector("input")?.focus() }]);
  return html`<form class="store-search" ref=${element} onSubmit=${submit}>
      <div class="store-question"><${TextField} label=${t("vector-stores.question")} placeholder=${t("vector-stores.question.example")} value=${form.question} onInput=${(/** @type {string} */ question) => setForm({ ...form, question })} /></div>
      <${TextField} label=${t("vector-stores.results")} type="number" min="1" max="50" step="1" value=${form.most} onInput=${(/** @type {string} */ most) => setForm({ ...form, most })} />
      <${TextField} label=${t("vector-stores.threshold")} type="number" min="0" max="1" step="0.05" value=${form.threshold} onInput=${(/** @type {string} */ threshold) => setForm({ ...form, threshold })} />
      <${Button} kind="primary" type="submit" icon="search" busy=${isLoading}>${t("vector-stores.search")}<//></form>
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    ${!results && isLoading && html`<${Skeleton} />`}
    ${!results && !isLoading && error === null && html`<${Empty} icon="search" title=${t("vector-stores.ask")} text=${t("vector-stores.ask.text")} />`}
    ${results?.length === 0 && html`<${Empty} icon="search" title=${t("vector-stores.nothing")} text=${t("vector-stores.nothing.text")} />`}
    ${results && results.length > 0 && html`<p class="muted" role="status">${t("vector-stores.found", { count: results.length })} · <${Duration} milliseconds=${milliseconds} /></p>
      <ol class="hits ${isLoading ? "is-dimmed" : ""}">${results.map((hit, index) => html`<${Hit} key=${index} store=${store} hit=${hit} rank=${index + 1} question=${asked.question} />`)}</ol>`}`;
}

/** @param {string} store @param {{question: string, most: string, threshold: string}} asked @returns {Search} */
function useSearch(store, { question, most, threshold }) {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    if (!question) {
      setState(NOTHING);
      return undefined;
    }
    const abort = new AbortController();
    const started = performance.now();
    setState((old) => ({ ...old, error: null, isLoading: true }));
    const body = { query: question, max_num_results: Number(most), ranking_options: { score_threshold: Number(threshold) } };
    request("POST", `/vector_stores/${encodeURIComponent(store)}/search`, { body, signal: abort.signal }).then(
      (page) => setState({ results: page.data, error: null, isLoading: false, milliseconds: performance.now() - started }),
      (error) => abort.signal.aborted || setState({ ...NOTHING, error }),
    );
    return () => abort.abort();
  }, [store, question, most, threshold]);
  return state;
}

/** @param {{store: string, hit: any, rank: number, question: string}} props */
function Hit({ store, hit, rank, question }) {
  const text = hit.content.map((/** @type {any} */ part) => part.text).join("\n");
  const place = [...(hit.heading_path ?? [])];
  return html`<li class="hit">
    <header class="hit-head"><span class="number muted">${rank}</span>
      <span class="hit-score" title=${t("vector-stores.score")}><meter min="0" max="1" value=${hit.score} aria-label=${t("vector-stores.score")}></meter><span class="number">${hit.score.toFixed(2)}</span></span>
      <a href=${hrefOf(`vector-stores/${store}/files/${hit.file_id}`)}><${Name} text=${hit.filename} /></a>
      ${hit.page !== undefined && html`<span class="muted nowrap">${t("vector-stores.page", { page: hit.page })}</span>`}
      <span class="spring"></span><${CopyButton} text=${text} label=${t("vector-stores.copy-passage")} /></header>
    ${place.length > 0 && html`<p class="hit-place muted">${place.map((heading, index) => html`${index > 0 && html`<${Icon} name="chevron-right" size=${12} />`}<${Name} text=${heading} />`)}</p>`}
    <div class="prose" dir="auto"><${MarkedText} text=${text} query=${question} /></div>
    ${Object.keys(hit.attributes ?? {}).length > 0 && html`<${Metadata} metadata=${Object.fromEntries(Object.entries(hit.attributes).map(([key, value]) => [key, String(value)]))} />`}
  </li>`;
}
