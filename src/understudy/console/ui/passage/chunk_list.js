/** The chunks of a file in a vector store around one of them, in the order of the text, without their overlaps. */
import { get } from "../../api/client.js";
import { trimOverlaps } from "../../lib/chunks.js";
import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { ErrorNote } from "../error_note.js";
import { Icon } from "../icon.js";
import { MarkedText } from "../marked_text.js";
import { Empty, Skeleton } from "../states.js";
import { Name } from "../values.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../view.js";

/** @typedef {import("../../lib/chunks.js").Chunk} Chunk */
/** @typedef {{chunks: Chunk[], total: number}} Loaded */

/**
 * @param {{store: string, file: string, at?: number | null, passage?: string, limit?: number, words?: readonly string[],
 *   scrolls?: boolean}} props `at` is the index of the chunk in the middle; chunks within the text `passage` stand out,
 *   too. `words` are marked. `scrolls`: the page begins at the chunk
 */
export function ChunkList({ store, file, at = null, passage = "", limit = 20, words = [], scrolls = false }) {
  const path = `/vector_stores/${encodeURIComponent(store)}/files/${encodeURIComponent(file)}/chunks`;
  const { loaded, error, isBusy, load } = useChunks(path, at, limit);
  const focused = useRef(/** @type {HTMLElement | null} */ (null));
  const isReady = loaded !== null;
  useLayoutEffect(() => {
    if (scrolls && isReady && at !== null) focused.current?.scrollIntoView({ block: "start" });
  }, [isReady, at, scrolls]);
  if (!loaded) return error === null ? html`<${Skeleton} rows=${4} />` : html`<${ErrorNote} error=${error} onRetry=${() => load({ around: at, limit })} />`;
  const { chunks, total } = loaded;
  const first = chunks[0];
  const last = chunks.at(-1);
  if (!first || !last) return html`<${Empty} icon="file-text" title=${t("chunks.none")} text=${t("chunks.none.text")} />`;
  const texts = trimOverlaps(chunks, at);
  return html`<div class="chunks" aria-busy=${isBusy || undefined}>
    ${first.index > 0 && html`<${Button} kind="quiet" icon="arrow-up" busy=${isBusy} onClick=${() => load({ before: first.index, limit })}>${t("chunks.earlier", { count: first.index })}<//>`}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <ol>${chunks.map((chunk, place) => html`<${ChunkRow} key=${chunk.index} chunk=${chunk} text=${texts[place]} total=${total} words=${words} href=${hrefOf(`vector-stores/${store}/files/${file}`, { chunk: String(chunk.index) })}
      isCurrent=${chunk.index === at || (passage !== "" && passage.includes(chunk.text))} element=${chunk.index === at ? focused : undefined} />`)}</ol>
    ${last.index < total - 1 && html`<${Button} kind="quiet" icon="arrow-down" busy=${isBusy} onClick=${() => load({ after: last.index, limit })}>${t("chunks.later", { count: total - 1 - last.index })}<//>`}
  </div>`;
}

/** @param {{chunk: Chunk, text: string | undefined, total: number, words: readonly string[], href: string, isCurrent: boolean, element: any}} props */
function ChunkRow({ chunk, text = "", total, words, href, isCurrent, element }) {
  return html`<li class="chunk ${isCurrent ? "is-current" : ""}" ref=${element} aria-current=${isCurrent ? "true" : undefined}>
    <header class="chunk-head muted"><a class="muted number" href=${href}>${t("chunks.chunk", { number: chunk.index + 1, total })}</a>
      ${chunk.page !== undefined && html`<span class="nowrap">${t("chunks.page", { page: chunk.page })}</span>`}
      ${chunk.heading_path?.map((heading, index) => html`<span class="chunk-heading">${index > 0 && html`<${Icon} name="chevron-right" size=${12} />`}<${Name} text=${heading} /></span>`)}</header>
    ${chunk.table_header && html`<p class="prose muted" dir="auto">${chunk.table_header}</p>`}
    <div class="prose" dir="auto"><${MarkedText} text=${text} query=${words.join(" ")} /></div></li>`;
}

/** @param {string} path @param {number | null} at @param {number} limit */
function useChunks(path, at, limit) {
  const [loaded, setLoaded] = useState(/** @type {Loaded | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isBusy, setBusy] = useState(false);
  const load = async (/** @type {Record<string, any>} */ query, /** @type {AbortSignal | undefined} */ signal = undefined) => {
    setBusy(true);
    try {
      const page = await get(path, query, signal);
      setLoaded((old) => ({ chunks: mergeChunks(signal ? [] : (old?.chunks ?? []), page.data), total: page.total }));
      setError(null);
    } catch (failure) {
      if (!signal?.aborted) setError(failure);
    }
    setBusy(false);
  };
  useEffect(() => {
    const abort = new AbortController();
    load({ around: at, limit }, abort.signal);
    return () => abort.abort();
  }, [path, at, limit]);
  return { loaded, error, isBusy, load };
}

/** @param {readonly Chunk[]} one @param {readonly Chunk[]} two @returns {Chunk[]} */
function mergeChunks(one, two) {
  const byIndex = new Map([...one, ...two].map((chunk) => [chunk.index, chunk]));
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}
