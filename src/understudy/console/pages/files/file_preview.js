/** The beginning of a file as text, or its picture. Whatever else it is, nothing of it is interpreted. */
import { open } from "../../api/client.js";
import { isExecutable } from "../../lib/filename.js";
import { decodeText } from "../../lib/text_preview.js";
import { t } from "../../text/texts.js";
import { CodeBlock } from "../../ui/code_block.js";
import { ErrorNote } from "../../ui/error_note.js";
import { FileImage } from "../../ui/message/file_image.js";
import { Sentence } from "../../ui/sentence.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Bytes } from "../../ui/values.js";
import { html, useEffect, useState } from "../../ui/view.js";

const PREVIEW_BYTES = 65_536;
const IMAGE = /\.(png|jpe?g|gif|webp)$/i;
/** @type {Record<string, string>} */
const LANGUAGES = { json: "json", jsonl: "json", md: "markdown", py: "python", js: "javascript", ts: "typescript", html: "xml", xml: "xml", svg: "xml", css: "css", yaml: "yaml", yml: "yaml", sql: "sql", sh: "bash" };

/** @param {{file: any}} props */
export function FilePreview({ file }) {
  if (!file.bytes) return html`<${Empty} icon="file" title=${t("files.empty-file")} />`;
  return html`${isExecutable(file.filename) && html`<p class="muted">${t("files.executable")}</p>`}
    ${IMAGE.test(file.filename) ? html`<${FileImage} id=${file.id} />` : html`<${TextPreview} file=${file} />`}`;
}

/** @param {{file: any}} props */
function TextPreview({ file }) {
  const [state, setState] = useState({ text: /** @type {string | null} */ (null), error: /** @type {unknown} */ (null), isLoading: true });
  useEffect(() => {
    const abort = new AbortController();
    open("GET", `/files/${encodeURIComponent(file.id)}/content`, { headers: { range: `bytes=0-${PREVIEW_BYTES - 1}` }, signal: abort.signal })
      .then((response) => response.arrayBuffer())
      .then((bytes) => setState({ text: decodeText(new Uint8Array(bytes)), error: null, isLoading: false }))
      .catch((error) => abort.signal.aborted || setState({ text: null, error, isLoading: false }));
    return () => abort.abort();
  }, [file.id]);
  if (state.error !== null) return html`<${ErrorNote} error=${state.error} />`;
  if (state.isLoading) return html`<${Skeleton} />`;
  if (state.text === null) return html`<${Empty} icon="file" title=${t("files.no-preview")} text=${t("files.no-preview.text")} />`;
  const extension = file.filename.split(".").at(-1)?.toLowerCase() ?? "";
  return html`<${CodeBlock} code=${state.text} language=${LANGUAGES[extension] ?? "text"} label=${file.filename} wrap=${!(extension in LANGUAGES) || extension === "md"} />
    ${file.bytes > PREVIEW_BYTES && html`<p class="muted"><${Sentence} text=${t("files.cut")} size=${html`<${Bytes} bytes=${PREVIEW_BYTES} />`} /></p>`}`;
}
