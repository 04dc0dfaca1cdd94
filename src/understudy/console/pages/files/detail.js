import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { downloadFile } from "../../ui/download.js";
import { ErrorNote } from "../../ui/error_note.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html, useState } from "../../ui/view.js";
import { FilePreview } from "./file_preview.js";
import { FILES } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function FileDetail({ params }) {
  const preview = { name: "preview", label: t("files.preview"), view: (/** @type {any} */ row) => html`<${FilePreview} file=${row} />` };
  return html`<${NounDetail} noun=${FILES} id=${params.id} firstTab=${preview} actions=${(/** @type {any} */ row) => html`<${Download} file=${row} />`} />`;
}

/** @param {{file: any}} props */
function Download({ file }) {
  const [state, setState] = useState({ isBusy: false, error: /** @type {unknown} */ (null) });
  const download = async () => {
    setState({ isBusy: true, error: null });
    try {
      await downloadFile(file);
      setState({ isBusy: false, error: null });
    } catch (error) {
      setState({ isBusy: false, error });
    }
  };
  return html`<${Button} icon="download" busy=${state.isBusy} onClick=${download}>${t("ui.download")}<//>${state.error !== null && html`<${ErrorNote} error=${state.error} />`}`;
}
