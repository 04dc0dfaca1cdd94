import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { WEBHOOKS } from "./noun.js";
import { revealSecret } from "./secret.js";

export default function WebhookList() {
  return html`<${NounList} noun=${WEBHOOKS} onCreated=${revealSecret}><p><a href=${hrefOf("deliveries")}>${t("webhooks.all-deliveries")}</a></p><//>`;
}
