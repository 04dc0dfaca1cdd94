import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { revealSecret } from "../../ui/secret_once.js";
import { html } from "../../ui/view.js";
import { WEBHOOKS } from "./noun.js";

export default function WebhookList() {
  return html`<${NounList} noun=${WEBHOOKS} onCreated=${(/** @type {any} */ row) => revealSecret(row.id, row.signing_secret)}><p><a href=${hrefOf("deliveries")}>${t("webhooks.all-deliveries")}</a></p><//>`;
}
