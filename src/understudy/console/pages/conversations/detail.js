import { NounDetail } from "../../ui/noun/noun_detail.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { html } from "../../ui/view.js";
import { ItemLog } from "./item_log.js";
import { CONVERSATIONS } from "./noun.js";

export const style = "conversations.css";

/** @param {{params: {id: string}}} props */
export default function ConversationDetail({ params }) {
  const items = { name: "items", label: t("conversations.items"), isFlush: true, view: () => html`<${ItemLog} conversation=${params.id} />` };
  const actions = () => html`<${Button} icon="flask-conical" href="playground/responses?conversation=${params.id}">${t("conversations.playground")}<//>`;
  return html`<${NounDetail} noun=${CONVERSATIONS} id=${params.id} firstTab=${items} actions=${actions} />`;
}
