/** Questions before an action that cannot be undone: `confirm({...})` from anywhere, one dialog at a time. */
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { ErrorNote } from "./error_note.js";
import { TextField } from "./field.js";
import { html, signal, useState } from "./view.js";

/**
 * @typedef {object} Question
 * @property {string} title a question with the object's name
 * @property {string} text what goes with it
 * @property {any} [details] below the text
 * @property {string} action the word on the button
 * @property {string} [typed] the name to type for what cannot come back
 * @property {() => Promise<unknown>} run the dialog shows its failure
 */

const question = signal(/** @type {Question | null} */ (null));

/** @param {Question} asked */
export function confirm(asked) {
  question.value = asked;
}

/** The place of the dialog, once in the shell. */
export function ConfirmOutlet() {
  return question.value && html`<${ConfirmDialog} key=${question.value.title} ...${question.value} />`;
}

/** @param {Question} props */
function ConfirmDialog({ title, text, details, action, typed, run }) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [name, setName] = useState("");
  const close = () => {
    question.value = null;
  };
  const act = async () => {
    setBusy(true);
    try {
      await run();
      close();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const actions = html`<${Button} autofocus=${typed === undefined} onClick=${close}>${t("ui.cancel")}<//>
    <${Button} kind="danger" busy=${isBusy} disabled=${typed !== undefined && name !== typed} onClick=${act}>${action}<//>`;
  return html`<${Dialog} title=${title} actions=${actions} onClose=${close}>
    <p>${text}</p>
    ${details}
    ${typed !== undefined && html`<${TextField} label=${t("ui.type-to-confirm", { name: typed })} value=${name} onInput=${setName} />`}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
  <//>`;
}
