import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { TOOLS } from "./noun.js";
import { ToolParameters } from "./tool_parameters.js";
import { ToolTrial } from "./tool_trial.js";

export const style = "tools.css";

/** @param {{params: {id: string}}} props */
export default function ToolDetail({ params }) {
  const trial = { name: "try", label: t("tools.try"), view: (/** @type {any} */ row) => html`<${ToolTrial} tool=${row} />` };
  return html`<${NounDetail} noun=${TOOLS} id=${params.id} firstTab=${trial}>${(/** @type {any} */ row) => html`<${ToolParameters} schema=${row.input_parameters} />`}<//>`;
}
