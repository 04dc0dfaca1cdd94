import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { html } from "../../ui/view.js";
import { WEBHOOKS } from "./noun.js";
import { revealSecret } from "./secret.js";

export default function WebhookList() {
  const actions = html`<${Button} kind="quiet" href="deliveries" icon="list" label=${t("webhooks.deliveries")} />`;
  return html`<${NounList} noun=${WEBHOOKS} actions=${actions} onCreated=${revealSecret} />`;
}
