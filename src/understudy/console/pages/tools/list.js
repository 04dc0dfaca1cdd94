import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { TOOLS } from "./noun.js";

export const style = "tools.css";

export default function ToolList() {
  return html`<${NounList} noun=${TOOLS} />`;
}
