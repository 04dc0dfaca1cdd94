/** The files below a message that is being written: those that are there, those that arrive, those that failed. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { describeError } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const TOOLS = ["file_search", "code_interpreter"];

/**
 * @param {{files: readonly import("../../lib/run_request.js").AttachedFile[], hasTools: boolean, uploads: readonly import("./uploads.js").Upload[],
 *   onChange: (files: import("../../lib/run_request.js").AttachedFile[]) => void, onDrop: (key: number) => void,
 *   onRetry: (upload: import("./uploads.js").Upload) => void}} props
 */
export function Attachments({ files, hasTools, uploads, onChange, onDrop, onRetry }) {
  const remove = (/** @type {string} */ id) => onChange(files.filter((file) => file.id !== id));
  const setTool = (/** @type {string} */ id, /** @type {string} */ tool) => onChange(files.map((file) => (file.id === id ? { ...file, tool } : file)));
  return html`<ul class="attachments" aria-label=${t("playground.files")}>
    ${files.map((file) => html`<li key=${file.id} class="attachment"><${Icon} name=${file.isImage ? "image" : "file"} size=${14} /><${Name} text=${file.name} />
      ${hasTools && !file.isImage && html`<select class="input is-inline" aria-label=${t("playground.file-tool", { name: file.name })} value=${file.tool} onChange=${(/** @type {any} */ event) => setTool(file.id, event.currentTarget.value)}>
        ${TOOLS.map((tool) => html`<option key=${tool} value=${tool} selected=${tool === file.tool}>${t(`playground.tool.${tool}`)}</option>`)}</select>`}
      <${Button} kind="quiet" icon="x" label=${t("playground.remove-file", { name: file.name })} onClick=${() => remove(file.id)} /></li>`)}
    ${uploads.map((upload) => html`<li key=${upload.key} class="attachment ${upload.error ? "is-error" : ""}"><${Icon} name=${upload.error ? "circle-alert" : "upload"} size=${14} /><${Name} text=${upload.name} />
      ${upload.error ? html`<span role="alert">${describeError(upload.error).message}</span><${Button} kind="quiet" icon="rotate-cw" label=${t("ui.retry")} onClick=${() => onRetry(upload)} />`
        : html`<progress max="1" value=${upload.share} aria-label=${t("playground.uploading", { name: upload.name })}></progress>`}
      <${Button} kind="quiet" icon="x" label=${t("playground.remove-file", { name: upload.name })} onClick=${() => onDrop(upload.key)} /></li>`)}
  </ul>`;
}
