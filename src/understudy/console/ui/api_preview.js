import { t } from "../text/texts.js";
import { Dialog } from "./dialog.js";
import { useModule } from "./module.js";
import { Skeleton } from "./states.js";
import { html } from "./view.js";

const loadSample = () => import("./api_sample.js");

/** The call of the API that shows the same, in the reader's language. @param {{call: import("../lib/code_samples.js").Call}} props */
export function ApiPreview({ call }) {
  const sample = useModule(loadSample);
  return sample ? html`<${sample.ApiSample} call=${call} />` : html`<${Skeleton} rows=${4} />`;
}

/** @param {{call: import("../lib/code_samples.js").Call, onClose: () => void}} props */
export function ApiPreviewDialog({ call, onClose }) {
  return html`<${Dialog} kind="wide" title=${t("ui.api-preview")} onClose=${onClose}><${ApiPreview} call=${call} /><//>`;
}
