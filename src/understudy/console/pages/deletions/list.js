import { TransferList } from "../../ui/transfer/transfer_list.js";
import { html } from "../../ui/view.js";
import { DELETIONS } from "./noun.js";

export const texts = ["transfers"];

export default function DeletionList() {
  return html`<${TransferList} noun=${DELETIONS} type="deletion" />`;
}
