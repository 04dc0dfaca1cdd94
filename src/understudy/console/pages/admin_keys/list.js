import { t } from "../../text/texts.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { revealSecret } from "../../ui/secret_once.js";
import { html } from "../../ui/view.js";
import { ADMIN_KEYS } from "./noun.js";

export default function AdminKeyList() {
  return html`<${NounList} noun=${ADMIN_KEYS} onCreated=${(/** @type {any} */ row) => revealSecret(row.id, row.value)}><p class="muted">${t("admin-keys.about")}</p><//>`;
}
