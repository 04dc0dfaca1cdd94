import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { DELIVERIES } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function DeliveryDetail({ params }) {
  const path = `/webhook_deliveries/${encodeURIComponent(params.id)}/replay`;
  const actions = (/** @type {any} */ _row, /** @type {(row: any) => void} */ set) => html`<${ActionButton} icon="send" done=${t("deliveries.replayed")} run=${async () => set(await post(path))}>${t("deliveries.replay")}<//>`;
  return html`<${NounDetail} noun=${DELIVERIES} id=${params.id} actions=${actions} />`;
}
