import { TransferList } from "../../ui/transfer/transfer_list.js";
import { html } from "../../ui/view.js";
import { EXPORTS } from "./noun.js";

export const texts = ["transfers"];

export default function ExportList() {
  return html`<${TransferList} noun=${EXPORTS} type="export" />`;
}
