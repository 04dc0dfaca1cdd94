import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { USERS } from "./noun.js";
import { PeopleTabs } from "./people_tabs.js";

export const texts = ["invites"];

export default function UserList() {
  return html`<${NounList} noun=${USERS} tabs=${html`<${PeopleTabs} />`} />`;
}
