import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { ASSISTANTS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function AssistantDetail({ params }) {
  return html`<${NounDetail} noun=${ASSISTANTS} id=${params.id}
    actions=${(/** @type {any} */ row) => html`<${Button} icon="play" href="playground?assistant=${row.id}">${t("assistants.try")}<//>`} />`;
}
