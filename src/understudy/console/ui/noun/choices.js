import { html, useId } from "../view.js";
import { Checkbox } from "../field.js";

/** Checkboxes, whose value is the JSON of a list. @param {import("../field.js").FieldProps & {value: string, options: readonly string[], onInput: (text: string) => void}} props */
export function Choices({ label, hint, error, value, options, onInput }) {
  const id = useId();
  const chosen = /** @type {string[]} */ (value ? JSON.parse(value) : []);
  const toggle = (/** @type {string} */ option, /** @type {boolean} */ isChosen) => onInput(JSON.stringify(options.filter((one) => (one === option ? isChosen : chosen.includes(one)))));
  return html`<fieldset class="field" aria-describedby=${error ? `${id}-error` : undefined}><legend class="field-legend">${label}</legend>
    ${hint && html`<p class="field-hint">${hint}</p>`}
    <div class="choices-grid">${options.map((option) => html`<${Checkbox} key=${option} label=${option} checked=${chosen.includes(option)} onChange=${(/** @type {boolean} */ isChosen) => toggle(option, isChosen)} />`)}</div>
    ${error && html`<p class="field-error" id="${id}-error">${error}</p>`}</fieldset>`;
}
