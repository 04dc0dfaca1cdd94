import { FeatureNote } from "../../ui/feature_note.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { CONTAINERS } from "./noun.js";

export default function ContainerList() {
  return html`<${NounList} noun=${CONTAINERS}><${FeatureNote} feature="code_interpreter" /><//>`;
}
