import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { DELIVERIES } from "./noun.js";

export default function DeliveryList() {
  return html`<${NounList} noun=${DELIVERIES} />`;
}
