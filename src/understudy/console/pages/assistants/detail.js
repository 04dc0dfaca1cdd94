import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { ASSISTANTS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function AssistantDetail({ params }) {
  return html`<${NounDetail} noun=${ASSISTANTS} id=${params.id} />`;
}
