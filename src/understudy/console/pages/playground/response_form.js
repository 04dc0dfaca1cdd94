/** What a response is made with: the model, its instructions and tools, and how the next one continues. */
import { ApiError } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { TextArea, TextField } from "../../ui/field.js";
import { ModelField } from "../../ui/model_field.js";
import { Segments } from "../../ui/segments.js";
import { Id } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { ToolFields } from "./tool_fields.js";

const MOST_STORES = 2;
const HOSTED = ["web_search", "image_generation"];

/**
 * @typedef {import("../../lib/response_request.js").ResponseForm & {isConversation: boolean, isEdited: boolean, isSent: boolean}} ResponseSettings
 *   `isEdited`: since the last response; `isSent`: the next response that opens was made with it
 */

/**
 * @param {{form: ResponseSettings, onChange: (changes: Partial<ResponseSettings>) => void, error: unknown, hasStarted: boolean,
 *   conversation: string | null}} props
 */
export function ResponseFormPane({ form, onChange, error, hasStarted, conversation }) {
  const field = (/** @type {"model" | "instructions" | "temperature" | "top_p"} */ name) => ({
    label: t(`playground.field.${name}`), value: form[name], onInput: (/** @type {string} */ text) => onChange({ [name]: text }),
    error: error instanceof ApiError && error.param === name ? error.message : null,
  });
  const modes = [{ value: "previous", label: t("playground.continue.previous") }, { value: "conversation", label: t("playground.continue.conversation") }];
  return html`<div class="stack assistant-form">
    <${ModelField} ...${field("model")} required=${true} /><${TextArea} ...${field("instructions")} rows=${6} />
    <${ToolFields} form=${form} mostStores=${MOST_STORES} hosted=${HOSTED} onChange=${onChange} />
    <div class="pair"><${TextField} ...${field("temperature")} type="number" min="0" max="2" step="0.1" placeholder="1" /><${TextField} ...${field("top_p")} type="number" min="0" max="1" step="0.05" placeholder="1" /></div>
    <div class="stack-small"><span class="field-label">${t("playground.continue")}</span>
      ${hasStarted ? html`<p class="muted">${t(conversation ? "playground.continue.in-conversation" : "playground.continue.by-previous")}</p>${conversation && html`<${Id} id=${conversation} />`}`
        : html`<${Segments} label=${t("playground.continue")} value=${form.isConversation ? "conversation" : "previous"} options=${modes} onChange=${(/** @type {string} */ mode) => onChange({ isConversation: mode === "conversation" })} />`}</div>
  </div>`;
}
