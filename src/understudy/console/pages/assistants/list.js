import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { ASSISTANTS } from "./noun.js";

export default function AssistantList() {
  return html`<${NounList} noun=${ASSISTANTS} />`;
}
