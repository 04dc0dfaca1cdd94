/** The outputs of the functions that a run or a response waits for, typed by hand or taken from a saved stub. */
import { parseJson } from "../../lib/json_errors.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Checkbox, TextArea } from "../../ui/field.js";
import { html, useState } from "../../ui/view.js";
import { saveStub, useStubs } from "./stubs.js";

/** @typedef {Record<string, {output?: string, isStub?: boolean}>} Outputs by the id of the call */

/**
 * @param {{owner: string, calls: readonly {id: string, name: string, arguments: string}[],
 *   onSubmit: (outputs: {id: string, output: string}[]) => Promise<void>}} props `owner` is the id of what waits
 */
export function FunctionOutputs({ owner, calls, onSubmit }) {
  const draft = useDraft(`playground/${owner}/outputs`, /** @type {Outputs} */ ({}));
  const stubs = useStubs(calls.map((call) => call.name));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isBusy, setBusy] = useState(false);
  const outputOf = (/** @type {any} */ call) => draft.value[call.id]?.output ?? stubs[call.name] ?? "";
  const isStubOf = (/** @type {any} */ call) => draft.value[call.id]?.isStub ?? call.name in stubs;
  const change = (/** @type {any} */ call, /** @type {object} */ changes) => draft.set({ ...draft.value, [call.id]: { ...draft.value[call.id], ...changes } });
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await Promise.all(calls.map((call) => saveStub(call.name, isStubOf(call) ? outputOf(call) : null)));
      await onSubmit(calls.map((call) => ({ id: call.id, output: outputOf(call) })));
      draft.clear();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const submitByKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  return html`<div class="outputs" onKeyDown=${submitByKey}>
    <p class="muted">${t("playground.outputs.text")}</p>
    ${calls.map((call) => html`<div class="stack-small" key=${call.id}>
      <${TextArea} label=${t("playground.outputs.label", { name: call.name })} rows=${3} value=${outputOf(call)} hint=${call.arguments} error=${judgeOutput(outputOf(call))}
        onInput=${(/** @type {string} */ text) => change(call, { output: text })} />
      <${Checkbox} label=${t("playground.outputs.stub", { name: call.name })} checked=${isStubOf(call)} onChange=${(/** @type {boolean} */ isStub) => change(call, { isStub })} /></div>`)}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <div class="inline"><${Button} kind="primary" icon="corner-down-right" shortcut="Ctrl ⏎" busy=${isBusy} onClick=${submit}>${t("playground.outputs.submit", { count: calls.length })}<//></div>
  </div>`;
}

/** An output can be any text; what begins as JSON should be JSON. @param {string} text */
function judgeOutput(text) {
  const parsed = /^\s*[{[]/.test(text) ? parseJson(text) : null;
  return parsed && !parsed.ok ? t("ui.json-error", { line: parsed.line, detail: parsed.message }) : null;
}
