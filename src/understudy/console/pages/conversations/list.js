import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { CONVERSATIONS } from "./noun.js";

export default function ConversationList() {
  return html`<${NounList} noun=${CONVERSATIONS} />`;
}
