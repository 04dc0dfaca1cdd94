import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { MODELS } from "./noun.js";

export default function ModelList() {
  return html`<${NounList} noun=${MODELS} />`;
}
