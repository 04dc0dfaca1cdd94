import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { PROJECTS } from "./noun.js";

export default function ProjectList() {
  return html`<${NounList} noun=${PROJECTS} />`;
}
