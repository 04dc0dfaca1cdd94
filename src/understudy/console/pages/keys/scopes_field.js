/** What a key may do: everything, only reading, or each resource by itself. */
import { RESOURCES, readScopes, writeScopes } from "../../lib/scopes.js";
import { t } from "../../text/texts.js";
import { Checkbox, Select } from "../../ui/field.js";
import { Segments } from "../../ui/segments.js";
import { html, useState } from "../../ui/view.js";

/** @type {readonly import("../../lib/scopes.js").ScopeMode[]} */
const MODES = ["all", "restricted", "read"];

/** @param {import("../../ui/field.js").FieldProps & {value: string, onInput: (text: string) => void}} props `value` is the JSON of a list */
export function ScopesField({ label, error, value, onInput }) {
  const [choice, setChoice] = useState(() => readScopes(value ? JSON.parse(value) : []));
  const change = (/** @type {Partial<import("../../lib/scopes.js").ScopeChoice>} */ part) => {
    const next = { ...choice, ...part };
    setChoice(next);
    onInput(JSON.stringify(writeScopes(next)));
  };
  return html`<fieldset class="field"><legend class="field-legend">${label}</legend>
    <${Segments} label=${label} value=${choice.mode} onChange=${(/** @type {any} */ mode) => change({ mode })} options=${MODES.map((mode) => ({ value: mode, label: t(`keys.scopes.${mode}`) }))} />
    <p class="field-hint">${t(`keys.scopes.${choice.mode}.hint`)}</p>
    ${choice.mode === "restricted" && html`<${Checkbox} label=${t("keys.scopes.models")} checked=${choice.callsModels} onChange=${(/** @type {boolean} */ callsModels) => change({ callsModels })} />
      <div class="scopes-grid">${RESOURCES.map((resource) => html`<${Select} key=${resource} label=${t(`keys.resource.${resource}`)} value=${choice.access[resource] ?? ""}
        onInput=${(/** @type {any} */ access) => change({ access: { ...choice.access, [resource]: access } })}
        options=${(resource === "all" ? ["", "read"] : ["", "read", "write"]).map((access) => ({ value: access, label: t(`keys.access.${access || "none"}`) }))} />`)}</div>`}
    ${error && html`<p class="field-error">${error}</p>`}</fieldset>`;
}

/** What a key may do, in words. @param {{scopes: readonly string[]}} props */
export function Scopes({ scopes }) {
  const { mode } = readScopes(scopes);
  if (mode !== "restricted") return html`<span>${t(`keys.scopes.${mode}`)}</span>`;
  return html`<span class="tags">${scopes.map((scope) => html`<span class="tag mono" key=${scope}>${scope}</span>`)}</span>`;
}
