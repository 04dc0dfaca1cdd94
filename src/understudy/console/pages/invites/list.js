import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { PeopleTabs } from "../users/people_tabs.js";
import { INVITES } from "./noun.js";

export const texts = ["users"];

export default function InviteList() {
  return html`<${NounList} noun=${INVITES} tabs=${html`<${PeopleTabs} />`} />`;
}
