import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { THREADS } from "./noun.js";

export default function ThreadList() {
  return html`<${NounList} noun=${THREADS} />`;
}
