/** Which models a project may use. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { ModelsDialog } from "./models_dialog.js";

/** @param {{project: string, canChange: boolean}} props */
export function ModelPermissions({ project, canChange }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/model_permissions`;
  const { data, error, reload, set } = useResource(path);
  const [isOpen, setOpen] = useState(false);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${3} />`;
  const mode = modeOf(data);
  return html`<section class="stack-small" aria-label=${t("permissions.models")}><div class="inline"><h2>${t("permissions.models")}</h2><span class="spring"></span>
      ${canChange && html`<${Button} icon="pencil" onClick=${() => setOpen(true)}>${t("permissions.change-models")}<//>`}</div>
    <p>${t(`permissions.mode.${mode}.text`)}</p>
    ${data.model_ids.length > 0 && html`<ul class="tags">${data.model_ids.map((/** @type {string} */ id) => html`<li key=${id} class="tag"><${Name} text=${id} /></li>`)}</ul>`}
    ${isOpen && html`<${ModelsDialog} project=${project} path=${path} mode=${mode} ids=${data.model_ids} onClose=${() => setOpen(false)} onDone=${set} />`}</section>`;
}

/** @param {{mode: string, model_ids: string[]}} permissions @returns {"all" | "allow_list" | "deny_list"} */
function modeOf({ mode, model_ids: ids }) {
  if (mode === "allow_list") return "allow_list";
  return ids.length ? "deny_list" : "all";
}
