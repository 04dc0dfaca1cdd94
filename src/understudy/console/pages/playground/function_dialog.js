/** The definition of a function, and the output to fill in for its calls in this browser. */
import { parseJson } from "../../lib/json_errors.js";
import { judgeFunction } from "../../lib/run_request.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { TextArea } from "../../ui/field.js";
import { JsonEditor } from "../../ui/json_editor.js";
import { html, useState } from "../../ui/view.js";
import { saveStub, useStubs } from "./stubs.js";

/** @param {{definition: any, onSave: (definition: any) => void, onClose: () => void}} props */
export function FunctionDialog({ definition, onSave, onClose }) {
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
  const save = () => {
    if (!parsed.ok) return;
    if (changed !== null) saveStub(parsed.value.name, changed || null);
    onSave(parsed.value);
  };
  const actions = html`<${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" disabled=${!isValid} onClick=${save}>${t("playground.function.use")}<//>`;
  return html`<${Dialog} kind="wide" title=${t("playground.function")} actions=${actions} onClose=${onClose}>
    <${JsonEditor} label=${t("playground.function.definition")} hint=${t("playground.function.hint")} rows=${16} value=${text} validate=${judge} onInput=${setText} />
    <${TextArea} label=${t("playground.function.stub")} hint=${t("playground.function.stub.hint")} rows=${3} value=${stub} onInput=${setChanged} /><//>`;
}
