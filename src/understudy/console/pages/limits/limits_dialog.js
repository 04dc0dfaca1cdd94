import { post } from "../../api/client.js";
import { areComplete, writeAmounts } from "../../lib/limits.js";
import { t } from "../../text/texts.js";
import { RequestDialog } from "../../ui/request_dialog.js";
import { html, useState } from "../../ui/view.js";
import { LimitField } from "./limit_field.js";
import { metricLabel } from "./limit_values.js";

/**
 * Changes limits with one request.
 *
 * @param {{title: string, path: string, choices: Record<string, import("../../lib/limits.js").LimitChoice>,
 *   modes: readonly import("../../lib/limits.js").LimitMode[], unlimited: number | "unlimited", onClose: () => void, onDone: (limits: any) => void}} props
 */
export function LimitsDialog({ title, path, choices, modes, unlimited, onClose, onDone }) {
  const [chosen, setChosen] = useState(choices);
  const run = async () => onDone(await post(path, writeAmounts(chosen, unlimited)));
  return html`<${RequestDialog} title=${title} action=${t("ui.save")} isReady=${areComplete(chosen)} run=${run} done=${t("limits.saved")} onClose=${onClose}>
    <p class="muted">${t("limits.default.text")}</p>
    ${Object.entries(chosen).map(([name, choice]) => html`<${LimitField} key=${name} label=${metricLabel(name)} modes=${modes} choice=${choice}
      onChange=${(/** @type {any} */ next) => setChosen((old) => ({ ...old, [name]: next }))} />`)}<//>`;
}
