import { post, remove } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Field } from "../../ui/field.js";
import { Chip } from "../../ui/filters.js";
import { RequestDialog } from "../../ui/request_dialog.js";
import { useResource } from "../../ui/resource.js";
import { Segments } from "../../ui/segments.js";
import { html, useId, useState } from "../../ui/view.js";

const MODES = ["all", "allow_list", "deny_list"];
const ALL = { object: "project.model_permissions", mode: "deny_list", model_ids: [] };

/** @param {{project: string, path: string, mode: string, ids: string[], onClose: () => void, onDone: (permissions: any) => void}} props */
export function ModelsDialog({ project, path, mode: before, ids, onClose, onDone }) {
  const [mode, setMode] = useState(before);
  const [chosen, setChosen] = useState(ids);
  const run = async () => {
    if (mode === "all") await remove(path);
    onDone(mode === "all" ? ALL : await post(path, { mode, model_ids: chosen }));
  };
  const isReady = mode === "all" || mode === "allow_list" || chosen.length > 0;
  return html`<${RequestDialog} title=${t("permissions.change-models")} action=${t("ui.save")} isReady=${isReady} run=${run} done=${t("permissions.models.saved")} onClose=${onClose}>
    <${Segments} label=${t("permissions.mode")} value=${mode} onChange=${setMode} options=${MODES.map((value) => ({ value, label: t(`permissions.mode.${value}`) }))} />
    <p class="muted">${t(`permissions.mode.${mode}.text`)}</p>
    ${mode !== "all" && html`<${ModelIds} project=${project} ids=${chosen} onChange=${setChosen} />`}<//>`;
}

/** @param {{project: string, ids: string[], onChange: (ids: string[]) => void}} props */
function ModelIds({ project, ids, onChange }) {
  const known = useResource(`/organization/projects/${encodeURIComponent(project)}/rate_limits`, { limit: 1000 });
  const [text, setText] = useState("");
  const list = useId();
  const add = () => {
    if (text.trim() && !ids.includes(text.trim())) onChange([...ids, text.trim()]);
    setText("");
  };
  const addByKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !text.trim()) return;
    event.preventDefault();
    add();
  };
  return html`<${Field} label=${t("permissions.model")} hint=${t("permissions.model.hint")}>${(/** @type {object} */ attributes) => html`<span class="model-adder"><input class="input mono" ...${attributes} list=${list} value=${text} spellcheck="false" autocomplete="off"
        onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} onKeyDown=${addByKey} /><${Button} icon="plus" onClick=${add}>${t("permissions.add")}<//></span>`}<//>
    <datalist id=${list}>${(known.data?.data ?? []).map((/** @type {any} */ one) => html`<option key=${one.id} value=${one.model}></option>`)}</datalist>
    ${ids.length > 0 && html`<div class="tags">${ids.map((id) => html`<${Chip} key=${id} label=${id} hint=${t("permissions.remove")} onRemove=${() => onChange(ids.filter((one) => one !== id))} />`)}</div>`}`;
}
