import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { FeatureNote } from "../../ui/feature_note.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { ASSISTANTS } from "./noun.js";

/** The tools that a server may not have. */
const TOOL_FEATURES = [["code_interpreter", "code_interpreter"], ["mcp", "mcp"]];

/** @param {{params: {id: string}}} props */
export default function AssistantDetail({ params }) {
  return html`<${NounDetail} noun=${ASSISTANTS} id=${params.id}
    actions=${(/** @type {any} */ row) => html`<${Button} icon="play" href="playground?assistant=${row.id}">${t("assistants.try")}<//>`} >${(/** @type {any} */ row) => TOOL_FEATURES.map(([type, feature]) => row.tools.some((/** @type {any} */ tool) => tool.type === type) && html`<${FeatureNote} key=${feature} feature=${feature} />`)}<//>`;
}
