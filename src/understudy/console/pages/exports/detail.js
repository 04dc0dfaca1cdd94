import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { downloadFile } from "../../ui/download.js";
import { CountTable } from "../../ui/transfer/count_table.js";
import { TransferDetail } from "../../ui/transfer/transfer_detail.js";
import { html } from "../../ui/view.js";
import { EXPORTS } from "./noun.js";

export const texts = ["transfers"];

/** @param {{params: {id: string}}} props */
export default function ExportDetail({ params }) {
  const save = (/** @type {any} */ row) => downloadFile({ id: row.id, filename: `${row.id}.zip`, bytes: row.bytes }, `/exports/${encodeURIComponent(row.id)}`);
  const download = (/** @type {any} */ row) => row.status === "completed" && html`<${ActionButton} icon="download" kind="primary" run=${() => save(row)}>${t("ui.download")}<//>`;
  return html`<${TransferDetail} noun=${EXPORTS} type="export" id=${params.id} actions=${download}>${(/** @type {any} */ row) => html`<${CountTable} label=${t("exports.contents")} columns=${[{ label: t("exports.exported"), counts: row.exported }]} />`}<//>`;
}
