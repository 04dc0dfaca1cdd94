import { auditItem } from "../../ui/audit_item.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { USERS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function UserDetail({ params: { id } }) {
  const menu = () => [auditItem("actor", id)];
  return html`<${NounDetail} noun=${USERS} id=${id} menu=${menu} />`;
}
