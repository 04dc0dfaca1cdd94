import { t } from "../../text/texts.js";
import { Icon } from "../../ui/icon.js";
import { TransferDetail } from "../../ui/transfer/transfer_detail.js";
import { html } from "../../ui/view.js";
import { ImportReport } from "./import_report.js";
import { IMPORTS } from "./noun.js";

export const style = "imports.css";

export const texts = ["transfers"];

/** @param {{params: {id: string}}} props */
export default function ImportDetail({ params }) {
  return html`<${TransferDetail} noun=${IMPORTS} type="import" id=${params.id}>${(/** @type {any} */ row) => html`
    ${row.dry_run && html`<div class="note"><${Icon} name="info" /><div class="note-text">${t("imports.dry-run.note")}</div></div>`}
    <${ImportReport} report=${row.report} isDryRun=${row.dry_run} />`}<//>`;
}
