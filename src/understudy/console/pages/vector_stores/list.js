import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { VECTOR_STORES } from "./noun.js";

export default function VectorStoreList() {
  return html`<${NounList} noun=${VECTOR_STORES} />`;
}
