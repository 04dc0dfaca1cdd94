/** One file of a vector store: its state, what could not be read, and its chunks and text as searches see them. */
import { route } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { ApiPreview } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { CodeBlock } from "../../ui/code_block.js";
import { copyText } from "../../ui/copy_button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { JsonView } from "../../ui/json_view.js";
import { Page } from "../../ui/page.js";
import { ChunkList } from "../../ui/passage/chunk_list.js";
import { useResource } from "../../ui/resource.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Tabs, useTab } from "../../ui/tabs.js";
import { Badge, Bytes, Metadata, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

export const style = "vector_stores.css";

/** @param {{params: {store: string, id: string}}} props */
export default function StoreFilePage({ params: { store, id } }) {
  const path = `/vector_stores/${encodeURIComponent(store)}/files/${encodeURIComponent(id)}`;
  const { data: row, error, reload } = useResource(path);
  const { data: file } = useResource(`/files/${encodeURIComponent(id)}`);
  const { data: owner } = useResource(`/vector_stores/${encodeURIComponent(store)}`);
  useShortcuts([
    { key: "y", label: t("ui.copy-id"), run: () => copyText(id) },
    { key: "Y", label: t("ui.copy-link"), run: () => copyText(location.href) },
  ]);
  const tabs = [
    { name: "chunks", label: t("vector-stores.file.chunks"), view: () => html`<${Chunks} store=${store} id=${id} />` },
    { name: "text", label: t("vector-stores.file.text"), view: () => html`<${ExtractedText} path=${path} row=${row} />` },
    { name: "overview", label: t("ui.overview"), view: () => html`<${Overview} row=${row} file=${file} />` },
    { name: "json", label: t("ui.json"), view: () => html`<${JsonView} value=${row} label=${id} depth=${3} />` },
    { name: "api", label: t("ui.api"), view: () => html`<${ApiPreview} call=${{ method: "GET", path }} />` },
  ];
  const current = useTab(tabs);
  const name = file?.filename ?? id;
  return html`<${Page} title=${html`<${Name} text=${name} />`} name=${name} parent=${{ path: `vector-stores/${store}`, label: owner?.name || t("vector-stores.title") }}
      actions=${html`<${Button} href="files/${id}" icon="file">${t("vector-stores.file.open")}<//>`} tabs=${row && html`<${Tabs} tabs=${tabs} label=${name} />`}>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${!row && error === null && html`<${Skeleton} />`}
    ${row && html`<${Problems} row=${row} />${tabs.find((tab) => tab.name === current)?.view()}`}
  <//>`;
}

/** The chunk in the URL is the one to begin at. @param {{store: string, id: string}} props */
function Chunks({ store, id }) {
  const at = route.value.query.get("chunk");
  return html`<${ChunkList} key=${at} store=${store} file=${id} at=${at && /^\d{1,9}$/.test(at) ? Number(at) : null} limit=${20} scrolls=${true} />`;
}

/** @param {{row: any}} props */
function Problems({ row }) {
  return html`${row.last_error && html`<div class="note is-error" role="alert"><${Icon} name="circle-alert" /><div class="note-text"><strong>${t("vector-stores.file.failed")}</strong><p dir="auto">${row.last_error.message}</p></div></div>`}
    ${row.warnings?.length > 0 && html`<div class="note"><${Icon} name="triangle-alert" /><div class="note-text"><strong>${t("vector-stores.file.warnings")}</strong><ul>${row.warnings.map((/** @type {string} */ one) => html`<li dir="auto">${one}</li>`)}</ul></div></div>`}`;
}

/** @param {{row: any, file: any}} props */
function Overview({ row, file }) {
  const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = row.chunking_strategy?.static ?? {};
  const attributes = Object.fromEntries(Object.entries(row.attributes ?? {}).map(([key, value]) => [key, String(value)]));
  /** @type {[string, any][]} */
  const fields = [
    ["filename", html`<${Name} text=${file?.filename ?? row.id} />`],
    ["status", html`<${Badge} state=${row.status} />`],
    ["bytes", html`<${Bytes} bytes=${row.usage_bytes} />`],
    ["created_at", html`<${Time} at=${row.created_at} full=${true} />`],
    ["chunks", size === undefined ? "—" : `${size}, ${overlap}`],
    ["attributes", html`<${Metadata} metadata=${attributes} />`],
  ];
  return html`<dl class="fields">${fields.map(([field, value]) => html`<div key=${field}><dt>${t(`vector-stores.file-field.${field}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{path: string, row: any}} props */
function ExtractedText({ path, row }) {
  const { data, error, isLoading, reload } = useResource(row.status === "completed" ? `${path}/content` : null);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (isLoading) return html`<${Skeleton} />`;
  const text = (data?.data ?? []).map((/** @type {any} */ part) => part.text).join("\n\n");
  if (!text) return html`<${Empty} icon="file-text" title=${t("vector-stores.file.no-text")} text=${t("vector-stores.file.no-text.text")} />`;
  return html`<div class="passages"><${CodeBlock} code=${text} language="text" filename="text.txt" limit=${16_384} wrap=${true} /></div>`;
}
