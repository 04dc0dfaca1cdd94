/** The assistant that answers: choosing one, changing it, making another. */
import { ApiError } from "../../api/client.js";
import { setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextArea, TextField } from "../../ui/field.js";
import { lazy } from "../../ui/lazy.js";
import { ModelField } from "../../ui/model_field.js";
import { Id, Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { ToolFields } from "./tool_fields.js";

const Picker = lazy(async () => (await import("./picker.js")).Picker);

/** @param {{assistant: import("./assistant.js").AssistantState}} props */
export function AssistantPane({ assistant }) {
  const [isPicking, setPicking] = useState(false);
  const { form, change, stored, error } = assistant;
  const choose = (/** @type {any} */ row) => {
    setPicking(false);
    setQuery({ assistant: row?.id ?? null });
  };
  const field = (/** @type {"name" | "model" | "instructions" | "temperature" | "top_p"} */ name) => ({
    label: t(`playground.field.${name}`), value: form[name], onInput: (/** @type {string} */ text) => change({ [name]: text }),
    error: error instanceof ApiError && error.param === name ? error.message : null,
  });
  return html`<div class="stack assistant-form">
    <div class="inline"><${Button} icon="chevrons-up-down" haspopup="dialog" class="assistant-choice" onClick=${() => setPicking(true)}>${stored === null ? t("playground.choose") : html`<span class="visually-hidden">${t("playground.choose")}</span> <${Name} text=${stored.name || t("playground.unnamed")} />`}<//>
      ${assistant.id !== null && html`<${Button} kind="quiet" icon="plus" onClick=${() => choose(null)}>${t("playground.new-assistant")}<//>`}</div>
    ${assistant.id !== null && html`<div class="muted inline"><${Id} id=${assistant.id} /></div>`}
    ${assistant.loadError !== null && html`<${ErrorNote} error=${assistant.loadError} onRetry=${assistant.reload} />`}
    <${TextField} ...${field("name")} /><${ModelField} ...${field("model")} required=${true} /><${TextArea} ...${field("instructions")} rows=${6} />
    <${ToolFields} form=${form} mostStores=${1} onChange=${change} />
    <div class="pair"><${TextField} ...${field("temperature")} type="number" min="0" max="2" step="0.1" placeholder="1" /><${TextField} ...${field("top_p")} type="number" min="0" max="1" step="0.05" placeholder="1" /></div>
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    ${assistant.isChanged && html`<p class="note">${t("playground.unsaved")}</p>`}
    <div class="inline">${stored === null
      ? html`<${Button} kind="primary" busy=${assistant.isBusy} disabled=${!form.model} onClick=${assistant.create}>${t("playground.create")}<//>`
      : html`<${Button} kind="primary" busy=${assistant.isBusy} disabled=${!assistant.isChanged} onClick=${assistant.save}>${t("ui.save")}<//>
        <${Button} disabled=${assistant.isBusy} onClick=${assistant.create}>${t("playground.save-as")}<//>
        ${assistant.isChanged && html`<${Button} kind="quiet" onClick=${assistant.discard}>${t("playground.discard")}<//>`}`}</div>
    ${isPicking && html`<${Picker} title=${t("playground.choose")} path="/assistants" nameOf=${(/** @type {any} */ row) => row.name || t("playground.unnamed")} onChoose=${choose} onClose=${() => setPicking(false)} />`}
  </div>`;
}
