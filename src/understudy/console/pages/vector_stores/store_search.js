/** What a question finds in a vector store: the passages with their place, score and reason. The question is in the URL. */
import { request } from "../../api/client.js";
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextField } from "../../ui/field.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Duration } from "../../ui/values.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";
import { SearchHit } from "./search_hit.js";

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
      <ol class="hits ${isLoading ? "is-dimmed" : ""}">${results.map((hit, index) => html`<${SearchHit} key=${index} store=${store} hit=${hit} rank=${index + 1} question=${asked.question} />`)}</ol>`}`;
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
    request("POST", `/vector_stores/${encodeURIComponent(store)}/search?include[]=explanation`, { body, signal: abort.signal }).then(
      (page) => setState({ results: page.data, error: null, isLoading: false, milliseconds: performance.now() - started }),
      (error) => abort.signal.aborted || setState({ ...NOTHING, error }),
    );
    return () => abort.abort();
  }, [store, question, most, threshold]);
  return state;
}
