/** The form that creates or edits an object of a noun. What is typed survives a reload; the server's error is at its field. */
import { ApiError, post } from "../../api/client.js";
import { navigate } from "../../app/router.js";
import { readForm, writeForm } from "../../lib/form_values.js";
import { useDraft } from "../../state/drafts.js";
import { hasText, t } from "../../text/texts.js";
import { announce } from "../announce.js";
import { Button } from "../button.js";
import { confirm } from "../confirm.js";
import { Dialog } from "../dialog.js";
import { ErrorNote } from "../error_note.js";
import { html, useState } from "../view.js";
import { FormControl } from "./form_control.js";

/**
 * @param {{noun: import("./noun.js").Noun, row?: import("./noun.js").Row, onClose: () => void,
 *   onSaved?: (row: import("./noun.js").Row) => void}} props without `row` it creates an object
 */
export function NounForm({ noun, row, onClose, onSaved }) {
  const fields = (noun.form ?? []).filter((field) => !field.only || field.only === (row ? "edit" : "create"));
  const draft = useDraft(`form/${noun.path}/${row?.id ?? "new"}`, readForm(fields, row));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isBusy, setBusy] = useState(false);
  const failedField = error instanceof ApiError ? fields.find((field) => error.param?.split(/[.[]/)[0] === field.name) : undefined;
  const save = async () => {
    const body = writeForm(fields, draft.value, row);
    setBusy(true);
    try {
      const saved = await post(row ? `${noun.path}/${encodeURIComponent(row.id)}` : noun.path, body);
      draft.clear();
      announce(t("ui.saved"));
      onSaved?.(saved);
      onClose();
      if (!row) navigate(noun.pathOf?.(saved) ?? `${noun.name}/${saved.id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const question = !row && noun.confirmCreate?.(writeForm(fields, draft.value));
    if (question) confirm({ ...question, run: save });
    else save();
  };
  /** @param {KeyboardEvent} event */
  const submitByKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  const submitKey = `${noun.name}.submit`;
  const title = t(row ? `${noun.name}.edit` : `${noun.name}.create`);
  return html`<${Dialog} kind="wide" title=${title} onClose=${onClose}>
    <form class="stack" onSubmit=${submit} onKeyDown=${submitByKey}>
      ${draft.isRestored && html`<p class="note">${t("ui.draft-restored")} <${Button} kind="quiet" onClick=${draft.clear}>${t("ui.draft-discard")}<//></p>`}
      ${fields.map((field) => html`<${FormControl} key=${field.name} noun=${noun} field=${field} value=${draft.value[field.name] ?? ""}
        error=${failedField === field && error instanceof ApiError ? error.message : null}
        onInput=${(/** @type {string} */ text) => draft.set({ ...draft.value, [field.name]: text })} />`)}
      ${error !== null && !failedField && html`<${ErrorNote} error=${error} />`}
      <div class="form-actions"><${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" type="submit" busy=${isBusy} shortcut="Ctrl ⏎">${t(row ? "ui.save" : hasText(submitKey) ? submitKey : "ui.create")}<//></div>
    </form>
  <//>`;
}
