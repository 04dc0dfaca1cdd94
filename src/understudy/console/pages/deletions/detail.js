import { t } from "../../text/texts.js";
import { CountTable } from "../../ui/transfer/count_table.js";
import { TransferDetail } from "../../ui/transfer/transfer_detail.js";
import { html } from "../../ui/view.js";
import { DELETIONS } from "./noun.js";

export const texts = ["transfers"];

/** @param {{params: {id: string}}} props */
export default function DeletionDetail({ params }) {
  return html`<${TransferDetail} noun=${DELETIONS} type="deletion" id=${params.id}>${(/** @type {any} */ row) => html`<${CountTable} label=${t(row.dry_run ? "deletions.counted-objects" : "deletions.deleted-objects")} columns=${[{ label: t(row.dry_run ? "deletions.counted" : "deletions.deleted"), counts: row.deleted }]} />`}<//>`;
}
