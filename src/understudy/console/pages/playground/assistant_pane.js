/** The assistant that answers: choosing one, changing it, making another. */
import { ApiError } from "../../api/client.js";
import { setQuery } from "../../app/router.js";
import { hasTool } from "../../lib/run_request.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Checkbox, TextArea, TextField } from "../../ui/field.js";
import { ModelField } from "../../ui/model_field.js";
import { Id } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { Functions } from "./functions.js";
import { ObjectList } from "./object_list.js";
import { Picker } from "./picker.js";

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
  const setTool = (/** @type {string} */ type, /** @type {boolean} */ isOn) => change({ tools: isOn ? [...form.tools, { type }] : form.tools.filter((tool) => tool.type !== type) });
  return html`<div class="stack assistant-form">
    <div class="inline"><${Button} icon="chevrons-up-down" haspopup="dialog" onClick=${() => setPicking(true)}>${t("playground.choose")}<//>
      ${assistant.id !== null && html`<${Button} kind="quiet" icon="plus" onClick=${() => choose(null)}>${t("playground.new-assistant")}<//>`}</div>
    ${assistant.id !== null && html`<div class="muted inline"><${Id} id=${assistant.id} /></div>`}
    ${assistant.loadError !== null && html`<${ErrorNote} error=${assistant.loadError} onRetry=${assistant.reload} />`}
    <${TextField} ...${field("name")} /><${ModelField} ...${field("model")} required=${true} /><${TextArea} ...${field("instructions")} rows=${6} />
    <fieldset class="stack-small"><legend>${t("playground.tools")}</legend>
      <${Checkbox} label=${t("playground.tool.file_search")} checked=${hasTool(form, "file_search")} onChange=${(/** @type {boolean} */ isOn) => setTool("file_search", isOn)} />
      ${hasTool(form, "file_search") && html`<${ObjectList} label=${t("playground.stores")} ids=${form.stores} path="/vector_stores" nameOf=${(/** @type {any} */ row) => row.name ?? ""} most=${1} onChange=${(/** @type {string[]} */ stores) => change({ stores })} />`}
      <${Checkbox} label=${t("playground.tool.code_interpreter")} checked=${hasTool(form, "code_interpreter")} onChange=${(/** @type {boolean} */ isOn) => setTool("code_interpreter", isOn)} />
      ${hasTool(form, "code_interpreter") && html`<${ObjectList} label=${t("playground.code-files")} ids=${form.files} path="/files" query=${{ purpose: "assistants" }} nameOf=${(/** @type {any} */ row) => row.filename} most=${20} onChange=${(/** @type {string[]} */ files) => change({ files })} />`}
      <${Functions} tools=${form.tools} onChange=${(/** @type {any[]} */ tools) => change({ tools })} /></fieldset>
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
