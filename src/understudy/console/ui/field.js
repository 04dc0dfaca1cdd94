/** Fields of forms: a label, a control, a hint, and the error of this field. */
import { html, useId } from "./view.js";

/**
 * @typedef {object} FieldProps
 * @property {string} label
 * @property {string} [hint]
 * @property {string | null} [error]
 * @property {boolean} [required]
 */

/**
 * @param {FieldProps & {children: (attributes: Record<string, any>) => any}} props `children` renders the control with
 *   the attributes that connect it to its label, hint and error
 */
export function Field({ label, hint, error, required, children }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const attributes = { id, "aria-describedby": described || undefined, "aria-invalid": error ? "true" : undefined, required };
  return html`<div class="field">
    <label for=${id}>${label}${required && html`<span class="muted" aria-hidden="true"> *</span>`}</label>
    ${children(attributes)}
    ${hint && html`<p class="field-hint" id="${id}-hint">${hint}</p>`}
    ${error && html`<p class="field-error" id="${id}-error">${error}</p>`}
  </div>`;
}

/**
 * @param {FieldProps & {value: string, onInput: (value: string) => void, type?: string, placeholder?: string,
 *   autocomplete?: string, autofocus?: boolean, class?: string, min?: string, max?: string, step?: string}} props
 */
export function TextField(props) {
  const { value, onInput, type = "text", placeholder, autocomplete = "off", autofocus, min, max, step } = props;
  return html`<${Field} ...${props}>${(/** @type {object} */ attributes) => html`<input class="input ${props.class ?? ""}" ...${attributes}
    type=${type} value=${value} placeholder=${placeholder} autocomplete=${autocomplete} autofocus=${autofocus}
    min=${min} max=${max} step=${step} spellcheck="false" dir="auto"
    onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)} />`}<//>`;
}

/** @param {FieldProps & {value: string, onInput: (value: string) => void, rows?: number, placeholder?: string}} props */
export function TextArea(props) {
  const { value, onInput, rows = 4, placeholder } = props;
  return html`<${Field} ...${props}>${(/** @type {object} */ attributes) => html`<textarea class="input" ...${attributes} rows=${rows}
    value=${value} placeholder=${placeholder} dir="auto"
    onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}></textarea>`}<//>`;
}

/**
 * @param {FieldProps & {value: string, onInput: (value: string) => void,
 *   options: readonly {value: string, label: string}[]}} props
 */
export function Select(props) {
  const { value, onInput, options } = props;
  return html`<${Field} ...${props}>${(/** @type {object} */ attributes) => html`<select class="input" ...${attributes} value=${value}
    onChange=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}>
    ${options.map((one) => html`<option value=${one.value} selected=${one.value === value}>${one.label}</option>`)}
  </select>`}<//>`;
}

/** @param {{label: string, hint?: string, checked: boolean, onChange: (checked: boolean) => void, disabled?: boolean}} props */
export function Checkbox({ label, hint, checked, onChange, disabled }) {
  return html`<label class="checkbox"><input type="checkbox" checked=${checked} disabled=${disabled}
    onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)} /><span>${label}${hint && html`<small class="muted">${hint}</small>`}</span></label>`;
}
