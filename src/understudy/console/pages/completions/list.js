import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { COMPLETIONS } from "./noun.js";

export default function CompletionList() {
  return html`<${NounList} noun=${COMPLETIONS} />`;
}
