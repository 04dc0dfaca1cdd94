/** Chooses a file of the project for a vector store: a search on the server. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextField } from "../../ui/field.js";
import { useResource } from "../../ui/resource.js";
import { Bytes, Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";

/** @param {{onAttach: (file: string) => Promise<void>, onClose: () => void}} props */
export function AttachDialog({ onAttach, onClose }) {
  const [text, setText] = useState("");
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const { data, error: listError, reload } = useResource("/files", { limit: 8, q: text });
  const attach = (/** @type {string} */ id) => onAttach(id).then(onClose, setError);
  const files = data?.data ?? [];
  return html`<${Dialog} title=${t("vector-stores.attach.title")} onClose=${onClose}>
    <${TextField} label=${t("vector-stores.attach.search")} hint=${t("vector-stores.attach.hint")} value=${text} onInput=${setText} autofocus=${true} />
    ${(error ?? listError) !== null && html`<${ErrorNote} error=${error ?? listError} onRetry=${reload} />`}
    ${data && !files.length && html`<p class="muted">${t("vector-stores.attach.none")}</p>`}
    <ul class="choices">${files.map((/** @type {any} */ file) => html`<li key=${file.id}><span class="truncate"><${Name} text=${file.filename} /></span><span class="muted"><${Bytes} bytes=${file.bytes} /></span>
      <${Button} onClick=${() => attach(file.id)} label=${t("vector-stores.attach.file", { name: file.filename })}>${t("vector-stores.attach.add")}<//></li>`)}</ul>
  <//>`;
}
