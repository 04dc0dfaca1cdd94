import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { describeError } from "../error_note.js";
import { Icon } from "../icon.js";
import { Bytes, Name } from "../values.js";
import { html } from "../view.js";

/** @param {{upload: import("./uploads.js").Upload, onStop: () => void, onRetry: () => void}} props */
export function UploadRow({ upload: { file, share, error }, onStop, onRetry }) {
  const hasFailed = error !== null;
  return html`<li class="upload ${hasFailed ? "is-error" : ""}"><${Icon} name=${hasFailed ? "circle-alert" : "file"} />
    <div class="upload-text"><div class="inline"><${Name} text=${file.name} /><span class="muted"><${Bytes} bytes=${file.size} /></span></div>
      ${hasFailed ? html`<p role="alert">${describeError(error).message}</p>` : html`<progress max="1" value=${share} aria-label=${t("ui.upload-progress", { name: file.name })}></progress>`}</div>
    ${hasFailed && html`<${Button} icon="rotate-cw" onClick=${onRetry}>${t("ui.retry")}<//>`}
    <${Button} kind="quiet" icon="x" label=${t(hasFailed ? "ui.close" : "ui.upload-stop")} onClick=${onStop} /></li>`;
}
