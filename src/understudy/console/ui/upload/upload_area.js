/** Uploads by a button and by dropping files on the page; a list of those that run or have failed. */
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { useMissingScope } from "../access.js";
import { Button } from "../button.js";
import { Icon } from "../icon.js";
import { html, useRef } from "../view.js";
import { formatBytes } from "../../lib/format.js";
import { currentLocale } from "../../state/settings.js";
import { useDrop } from "./drop.js";
import { UploadRow } from "./upload_row.js";
import { useUploadLimit, useUploads } from "./uploads.js";

/**
 * Uploads of a page, by button and by dropping files anywhere on it.
 *
 * @param {{purpose: string, onUploaded: (file: any) => unknown, kind?: "plain" | "primary"}} options `onUploaded` gets each
 *   uploaded file's object
 * @returns {{button: any, list: any}} what the page renders; no button for a key that may not upload
 */
export function useUploadArea({ purpose, onUploaded, kind = "primary" }) {
  const { uploads, add, stop, retry } = useUploads(purpose, onUploaded);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const canUpload = useMissingScope("/files") === null;
  const isDragged = useDrop(canUpload ? add : () => undefined) && canUpload;
  const choose = (/** @type {any} */ event) => {
    add([...event.currentTarget.files]);
    event.currentTarget.value = "";
  };
  const open = () => field.current?.click();
  useShortcuts(canUpload ? [{ key: "u", label: t("ui.upload"), run: open }] : []);
  return {
    button: canUpload && html`<${Button} kind=${kind} icon="upload" shortcut="u" onClick=${open}>${t("ui.upload")}<//>
      <input ref=${field} type="file" multiple hidden aria-label=${t("ui.upload")} onChange=${choose} />`,
    list: html`${uploads.length > 0 && html`<ul class="uploads" aria-label=${t("ui.uploads")}>${uploads.map((upload) => html`<${UploadRow} key=${upload.key} upload=${upload} onStop=${() => stop(upload.key)} onRetry=${() => retry(upload)} />`)}</ul>`}
      ${isDragged && html`<div class="drop-cover" aria-hidden="true"><${Icon} name="upload" size=${24} /><span>${t("ui.drop")}</span></div>`}`,
  };
}

/** That files can be dropped, and how large they may be. */
export function DropHint() {
  const limit = useUploadLimit();
  return html`<span class="muted drop-hint">${t("ui.drop-hint")}${limit !== null && ` ${t("ui.upload-limit", { limit: formatBytes(limit, currentLocale()) })}`}</span>`;
}
