/** The functions of an assistant, which this page or a program answers. */
import { parseJson } from "../../lib/json_errors.js";
import { judgeFunction } from "../../lib/run_request.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { TextArea } from "../../ui/field.js";
import { JsonEditor } from "../../ui/json_editor.js";
import { html, useState } from "../../ui/view.js";
import { saveStub, useStubs } from "./stubs.js";

const EXAMPLE = { name: "get_order", description: "The state of an order", parameters: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } };

/** @param {{tools: readonly any[], onChange: (tools: any[]) => void}} props */
export function Functions({ tools, onChange }) {
  const [edited, setEdited] = useState(/** @type {number | null} */ (null));
  const save = (/** @type {any} */ definition, /** @type {string | null} */ stub) => {
    if (stub !== null) saveStub(definition.name, stub || null);
    const tool = { type: "function", function: definition };
    onChange(edited === tools.length ? [...tools, tool] : tools.with(edited ?? 0, tool));
    setEdited(null);
  };
  return html`<ul class="stack-small functions" aria-label=${t("playground.functions")}>
    ${tools.map((tool, index) => tool.function && html`<li key=${index} class="inline"><${Button} kind="quiet" icon="braces" onClick=${() => setEdited(index)}><span class="mono">${tool.function.name}</span><//>
      <${Button} kind="quiet" icon="x" label=${t("playground.remove", { name: tool.function.name })} onClick=${() => onChange(tools.filter((_, at) => at !== index))} /></li>`)}
    <li><${Button} kind="quiet" icon="plus" onClick=${() => setEdited(tools.length)}>${t("playground.add-function")}<//></li></ul>
    ${edited !== null && html`<${FunctionDialog} definition=${tools[edited]?.function ?? EXAMPLE} onSave=${save} onClose=${() => setEdited(null)} />`}`;
}

/** @param {{definition: any, onSave: (definition: any, stub: string | null) => void, onClose: () => void}} props `stub` is the changed output to fill in for calls; null: it is as before */
function FunctionDialog({ definition, onSave, onClose }) {
  const [text, setText] = useState(() => JSON.stringify(definition, null, 2));
  const saved = useStubs([definition.name])[definition.name];
  const [changed, setChanged] = useState(/** @type {string | null} */ (null));
  const stub = changed ?? saved ?? "";
  const parsed = parseJson(text);
  const judge = (/** @type {any} */ value) => {
    const key = judgeFunction(value);
    return key && t(key);
  };
  const isValid = parsed.ok && judgeFunction(parsed.value) === null;
  const actions = html`<${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" disabled=${!isValid} onClick=${() => parsed.ok && onSave(parsed.value, changed)}>${t("playground.function.use")}<//>`;
  return html`<${Dialog} kind="wide" title=${t("playground.function")} actions=${actions} onClose=${onClose}>
    <${JsonEditor} label=${t("playground.function.definition")} hint=${t("playground.function.hint")} rows=${16} value=${text} validate=${judge} onInput=${setText} />
    <${TextArea} label=${t("playground.function.stub")} hint=${t("playground.function.stub.hint")} rows=${3} value=${stub} onInput=${setChanged} /><//>`;
}
