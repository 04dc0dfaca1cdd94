import { t } from "../../text/texts.js";
import { Select, TextField } from "../../ui/field.js";
import { html } from "../../ui/view.js";

/**
 * One limit: a number, none, or that of the settings.
 *
 * @param {{label: string, modes: readonly import("../../lib/limits.js").LimitMode[], choice: import("../../lib/limits.js").LimitChoice,
 *   onChange: (choice: import("../../lib/limits.js").LimitChoice) => void}} props
 */
export function LimitField({ label, modes, choice, onChange }) {
  return html`<div class="limit-field"><${Select} label=${label} value=${choice.mode} onInput=${(/** @type {any} */ mode) => onChange({ ...choice, mode })} options=${modes.map((value) => ({ value, label: t(`limits.mode.${value}`) }))} />
    ${choice.mode === "number" && html`<${TextField} label=${t("limits.amount", { name: label })} type="number" min="1" step="1" value=${choice.text} onInput=${(/** @type {string} */ text) => onChange({ ...choice, text })} required />`}</div>`;
}
