import { hasText, t } from "../../text/texts.js";
import { Checkbox, Select, TextArea, TextField } from "../field.js";
import { Choices } from "./choices.js";
import { JsonEditor } from "../json_editor.js";
import { LifetimeField } from "../lifetime_field.js";
import { ModelField } from "../model_field.js";
import { html } from "../view.js";

/** The control of one field of a form. Every value is text here; lib/form_values.js converts it.
 *
 * @param {{noun: import("./noun.js").Noun, field: import("./noun.js").FormField, value: string, error: string | null,
 *   onInput: (text: string) => void}} props
 */
export function FormControl({ noun, field, value, error, onInput }) {
  const key = `${noun.name}.field.${field.name}`;
  const hint = hasText(`${key}.hint`) ? t(`${key}.hint`) : undefined;
  const props = { label: t(key), hint, error, value, onInput, required: field.required };
  if (field.control) return html`<${field.control} ...${props} />`;
  if (field.kind === "area") return html`<${TextArea} ...${props} rows=${6} />`;
  if (field.kind === "switch") return html`<${Checkbox} label=${t(key)} hint=${hint} checked=${value === "true"} onChange=${(/** @type {boolean} */ isOn) => onInput(isOn ? "true" : "")} />`;
  if (field.kind === "number") return html`<${TextField} ...${props} type="number" step="any" />`;
  if (field.kind === "json") return html`<${JsonEditor} ...${props} validate=${field.validate} />`;
  if (field.kind === "metadata") return html`<${JsonEditor} ...${props} rows=${4} validate=${validateMetadata} />`;
  if (field.kind === "choices") return html`<${Choices} ...${props} options=${field.options ?? []} />`;
  if (field.kind === "model") return html`<${ModelField} ...${props} />`;
  if (field.kind === "select") return html`<${Select} ...${props} options=${["", ...(field.options ?? [])].map((option) => ({ value: option, label: optionLabel(key, option) }))} />`;
  if (field.kind === "lifetime") return html`<${LifetimeField} ...${props} isChange=${field.only === "edit"} />`;
  return html`<${TextField} ...${props} />`;
}

/** The text of an option, if it has one: `NAME.field.FIELD.OPTION`. @param {string} key @param {string} option */
const optionLabel = (key, option) => (hasText(`${key}.${option}`) ? t(`${key}.${option}`) : option || "—");

/** @param {any} value */
function validateMetadata(value) {
  if (value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) return t("ui.metadata-object");
  const wrong = Object.entries(value).find(([, one]) => typeof one !== "string");
  return wrong ? t("ui.metadata-string", { name: wrong[0] }) : null;
}
