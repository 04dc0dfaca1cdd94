import { t } from "../text/texts.js";
import { Dialog } from "./dialog.js";
import { Lazy } from "./lazy.js";
import { Skeleton } from "./states.js";
import { html } from "./view.js";

const loadSample = () => import("./api_sample.js").then((module) => module.ApiSample);

/** The call of the API that shows the same, in the reader's language. @param {{call: import("../lib/code_samples.js").Call}} props */
export function ApiPreview({ call }) {
  return html`<${Lazy} load=${loadSample} before=${html`<${Skeleton} rows=${4} />`} call=${call} />`;
}

/** @param {{call: import("../lib/code_samples.js").Call, onClose: () => void}} props */
export function ApiPreviewDialog({ call, onClose }) {
  return html`<${Dialog} kind="wide" title=${t("ui.api-preview")} onClose=${onClose}><${ApiPreview} call=${call} /><//>`;
}
