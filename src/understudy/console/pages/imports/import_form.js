/** The form of an import: a file, what to do with ids that the project has, and whether anything is stored. */
import { uploadImport } from "../../api/upload.js";
import { navigate } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Checkbox, Field, Select } from "../../ui/field.js";
import { useServer } from "../../ui/server.js";
import { useDrop } from "../../ui/upload/drop.js";
import { UploadRow } from "../../ui/upload/upload_row.js";
import { sizeError } from "../../ui/upload/uploads.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";
import { ON_CONFLICT } from "./noun.js";

/** @param {{file: File | null, onClose: () => void}} props `file` is one that was dropped on the page */
export function ImportForm({ file: dropped, onClose }) {
  const [file, setFile] = useState(dropped);
  const [onConflict, setOnConflict] = useState("skip");
  const [isDryRun, setDryRun] = useState(false);
  const { share, error, send, stop } = useImport(onClose);
  const isBusy = share !== null;
  const limit = useServer()?.limits.import_bytes ?? null;
  const tooLarge = file ? sizeError(file, limit) : null;
  useDrop(([other]) => other && !isBusy && setFile(other));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (file && !tooLarge && !isBusy) send(file, { isDryRun, onConflict });
  };
  return html`<${Dialog} title=${t("imports.create")} onClose=${onClose}><form class="stack" onSubmit=${submit}>
    ${file && isBusy ? html`<ul class="uploads"><${UploadRow} upload=${{ key: "", file, share, error: null, isWaiting: false }} onStop=${stop} onRetry=${stop} /></ul>`
      : html`<${FileField} file=${file} onFile=${setFile} />
        <${Select} label=${t("imports.field.on_conflict")} value=${onConflict} onInput=${setOnConflict} options=${ON_CONFLICT.map((value) => ({ value, label: t(`imports.on-conflict.${value}`) }))} />
        <${Checkbox} label=${t("imports.dry-run.label")} hint=${t("imports.dry-run.hint")} checked=${isDryRun} onChange=${setDryRun} />`}
    ${(tooLarge ?? error) !== null && html`<${ErrorNote} error=${tooLarge ?? error} />`}
    <div class="form-actions"><${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" type="submit" busy=${isBusy} disabled=${!file || tooLarge !== null}>${t(isDryRun ? "imports.check" : "imports.submit")}<//></div>
  </form><//>`;
}

/** The field has a dropped file as if it had been chosen. @param {{file: File | null, onFile: (file: File | null) => void}} props */
function FileField({ file, onFile }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (!file || !field.current || field.current.files?.[0] === file) return;
    const chosen = new DataTransfer();
    chosen.items.add(file);
    field.current.files = chosen.files;
  }, [file]);
  return html`<${Field} label=${t("imports.file")} hint=${t("imports.file.hint")} required=${true}>${(/** @type {object} */ attributes) => html`<input class="input import-file" ...${attributes} type="file" ref=${field}
    onChange=${(/** @type {any} */ event) => onFile(event.currentTarget.files[0] ?? null)} />`}<//>`;
}

/** The upload of an import, which opens its page; leaving the form stops it. @param {() => void} onClose */
function useImport(onClose) {
  const [state, setState] = useState({ share: /** @type {number | null} */ (null), error: /** @type {unknown} */ (null) });
  const abort = useRef(/** @type {AbortController | null} */ (null));
  useEffect(() => () => abort.current?.abort(), []);
  const send = async (/** @type {File} */ file, /** @type {{isDryRun: boolean, onConflict: string}} */ options) => {
    const current = new AbortController();
    abort.current = current;
    setState({ share: 0, error: null });
    try {
      const created = await uploadImport(file, options, { onProgress: (share) => setState({ share, error: null }), signal: current.signal });
      announce(t("ui.uploaded", { name: file.name }));
      onClose();
      navigate(`imports/${created.id}`);
    } catch (error) {
      setState({ share: null, error: current.signal.aborted ? null : error });
    }
  };
  return { ...state, send, stop: () => abort.current?.abort() };
}
