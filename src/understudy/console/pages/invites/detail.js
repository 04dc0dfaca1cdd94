import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { INVITES } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function InviteDetail({ params: { id } }) {
  return html`<${NounDetail} noun=${INVITES} id=${id} />`;
}
