/** The second step: an assistant out of an example, made with its file, its vector store or its function. */
import { hrefOf, route, setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { ModelField } from "../../ui/model_field.js";
import { Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { WithCode } from "../../ui/with_code.js";
import { createExample, EXAMPLES, exampleBody } from "./examples.js";
import { EMBEDDED } from "./model_step.js";
import { More, Step } from "./step.js";

/**
 * @param {{assistant: any | null, models: readonly any[], canRunCode: boolean, isCurrent: boolean,
 *   onCreated: (assistant: any) => void}} props `assistant` is the latest one
 */
export function AssistantStep({ assistant, models, canRunCode, isCurrent, onCreated }) {
  const form = html`<${ExampleForm} models=${models} canRunCode=${canRunCode} isFirst=${!assistant} onCreated=${onCreated} />`;
  const summary = assistant && html`<a href=${hrefOf(`assistants/${assistant.id}`)}><${Name} text=${assistant.name ?? assistant.id} /></a> <span class="muted mono">${assistant.model}</span>`;
  return html`<${Step} number=${2} title=${t("start.assistant")} isDone=${assistant !== null} isCurrent=${isCurrent} summary=${summary}>
    ${assistant ? html`<${More} label=${t("start.assistant.another")}>${form}<//>` : isCurrent && form}
  <//>`;
}

/** @param {{models: readonly any[], canRunCode: boolean, isFirst: boolean, onCreated: (assistant: any) => void}} props */
function ExampleForm({ models, canRunCode, isFirst, onCreated }) {
  const chosen = /** @type {import("./examples.js").ExampleName} */ (route.value.query.get("example") ?? "files");
  const [typed, setModel] = useState(/** @type {string | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [hasPreview, setPreview] = useState(false);
  const model = typed ?? models.find((one) => one.id !== EMBEDDED)?.id ?? EMBEDDED;
  /** @param {Event} event */
  const create = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onCreated(await createExample(chosen, model));
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return html`<form class="stack" onSubmit=${create}>
    <fieldset class="examples"><legend class="visually-hidden">${t("start.assistant.example")}</legend>
      ${EXAMPLES.map((one) => html`<${ExampleChoice} key=${one.name} example=${one} isChosen=${one.name === chosen} isDisabled=${one.name === "code" && !canRunCode} />`)}</fieldset>
    <div class="example-foot">
      <${ModelField} label=${t("start.assistant.model")} value=${model} onInput=${setModel} />
      <${Button} kind=${isFirst ? "primary" : "plain"} type="submit" icon="plus" busy=${isBusy} disabled=${!model.trim()}>${t("start.assistant.create")}<//>
      <${Button} kind="quiet" icon="code" onClick=${() => setPreview(true)}>${t("ui.api-preview")}<//>
    </div>
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <p class="muted">${t("start.assistant.own")} <a href=${hrefOf("playground")}>${t("start.assistant.own.link")}</a></p>
    ${hasPreview && html`<${ApiPreviewDialog} call=${{ method: "POST", path: "/assistants", body: exampleBody(chosen, model) }} onClose=${() => setPreview(false)} />`}
  </form>`;
}

/** @param {{example: {name: string, icon: string}, isChosen: boolean, isDisabled: boolean}} props */
function ExampleChoice({ example: { name, icon }, isChosen, isDisabled }) {
  return html`<label class="example ${isChosen ? "is-chosen" : ""} ${isDisabled ? "is-disabled" : ""}">
    <input type="radio" name="example" value=${name} checked=${isChosen} disabled=${isDisabled} onChange=${() => setQuery({ example: name })} />
    <${Icon} name=${icon} size=${20} />
    <strong>${t(`start.example.${name}`)}</strong>
    <span class="muted"><${WithCode} text=${t(isDisabled ? "start.example.code.disabled" : `start.example.${name}.text`)} /></span>
  </label>`;
}
