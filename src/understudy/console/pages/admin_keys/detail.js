import { t } from "../../text/texts.js";
import { auditItem } from "../../ui/audit_item.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { SecretOnce } from "../../ui/secret_once.js";
import { html } from "../../ui/view.js";
import { ADMIN_KEYS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function AdminKeyDetail({ params: { id } }) {
  const menu = () => [auditItem("actor", id)];
  return html`<${NounDetail} noun=${ADMIN_KEYS} id=${id} menu=${menu}>${() => html`<${SecretOnce} id=${id} label=${t("admin-keys.secret")} text=${t("admin-keys.secret-once")} />`}<//>`;
}
