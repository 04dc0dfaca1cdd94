import { navigate } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { USERS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function UserDetail({ params: { id } }) {
  const menu = () => [{ label: t("users.changes"), icon: "shield", run: () => navigate(`audit-log?actor=${encodeURIComponent(id)}`) }];
  return html`<${NounDetail} noun=${USERS} id=${id} menu=${menu} />`;
}
