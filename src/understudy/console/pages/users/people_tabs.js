/** Links between the people who have signed in, and those who may. */
import { t } from "../../text/texts.js";
import { LinkTabs } from "../../ui/link_tabs.js";
import { html } from "../../ui/view.js";

export function PeopleTabs() {
  return html`<${LinkTabs} label=${t("nav.users")} tabs=${[{ path: "users", label: t("users.title") }, { path: "invites", label: t("invites.title") }]} />`;
}
