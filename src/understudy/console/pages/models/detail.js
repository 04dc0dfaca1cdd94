import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { MODELS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function ModelDetail({ params }) {
  return html`<${NounDetail} noun=${MODELS} id=${params.id} />`;
}
