import { FeatureNote } from "../../ui/feature_note.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { VIDEOS } from "./noun.js";

export default function VideoList() {
  return html`<${NounList} noun=${VIDEOS}><${FeatureNote} feature="videos" /><//>`;
}
