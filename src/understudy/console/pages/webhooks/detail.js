import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { confirm } from "../../ui/confirm.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { revealSecret, SecretOnce } from "../../ui/secret_once.js";
import { html, useState } from "../../ui/view.js";
import { EndpointDeliveries } from "./endpoint_deliveries.js";
import { EVENT_TYPES, WEBHOOKS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function WebhookDetail({ params: { id } }) {
  const path = `/webhook_endpoints/${encodeURIComponent(id)}`;
  const rotate = (/** @type {any} */ row) => confirm({
    title: t("webhooks.rotate.title", { name: row.name }), text: t("webhooks.rotate.text"), action: t("webhooks.rotate"),
    run: async () => revealSecret(id, (await post(`${path}/rotate_secret`, { keep_old_secret_active_for_24_hours: true })).signing_secret),
  });
  const deliveries = { name: "deliveries", label: t("webhooks.deliveries"), view: () => html`<${EndpointDeliveries} endpoint=${id} />` };
  return html`<${NounDetail} noun=${WEBHOOKS} id=${id} tabs=${[deliveries]} menu=${(/** @type {any} */ row) => [{ label: t("webhooks.rotate"), icon: "rotate-cw", run: () => rotate(row) }]}>
    ${() => html`<${SecretOnce} id=${id} label=${t("webhooks.secret")} text=${t("webhooks.secret-once")} /><${Test} path=${path} />`}<//>`;
}

/** Sends a sample event. @param {{path: string}} props */
function Test({ path }) {
  const [type, setType] = useState(EVENT_TYPES[0] ?? "");
  const [result, setResult] = useState("");
  const send = async () => {
    setResult("");
    const answer = await post(`${path}/test`, { event_type: type });
    setResult(t("webhooks.test-result", { status: answer.status_code }));
  };
  return html`<section class="stack-small" aria-label=${t("webhooks.test")}><h2>${t("webhooks.test")}</h2><p class="muted">${t("webhooks.test.text")}</p>
    <div class="inline"><select class="input is-inline" aria-label=${t("webhooks.event")} value=${type} onChange=${(/** @type {any} */ event) => setType(event.currentTarget.value)}>${EVENT_TYPES.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>
      <${ActionButton} icon="send" run=${send}>${t("webhooks.send")}<//><span role="status">${result}</span></div></section>`;
}
