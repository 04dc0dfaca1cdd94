/** A dialog with a form that sends one request; its failure stands in the dialog. */
import { t } from "../text/texts.js";
import { announce } from "./announce.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { ErrorNote } from "./error_note.js";
import { html, useState } from "./view.js";

/**
 * @param {{title: string, action: string, isReady?: boolean, run: () => Promise<unknown>, done: string, onClose: () => void, children?: any}} props
 *   `done` is spoken after a success, which closes the dialog
 */
export function RequestDialog({ title, action, isReady = true, run, done, onClose, children }) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await run();
      announce(done);
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}><form class="stack" onSubmit=${submit}>
    ${children}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <div class="form-actions"><${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" type="submit" busy=${isBusy} disabled=${!isReady}>${action}<//></div>
  </form><//>`;
}
