import { navigate } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { SecretOnce } from "../../ui/secret_once.js";
import { html } from "../../ui/view.js";
import { ADMIN_KEYS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function AdminKeyDetail({ params: { id } }) {
  const menu = () => [{ label: t("admin-keys.changes"), icon: "shield", run: () => navigate(`audit-log?actor=${encodeURIComponent(id)}`) }];
  return html`<${NounDetail} noun=${ADMIN_KEYS} id=${id} menu=${menu}>${() => html`<${SecretOnce} id=${id} label=${t("admin-keys.secret")} text=${t("admin-keys.secret-once")} />`}<//>`;
}
