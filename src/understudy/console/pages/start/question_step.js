/** The third step: a question in a new thread, whose answer the playground shows. */
import { post } from "../../api/client.js";
import { navigate } from "../../app/router.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextField } from "../../ui/field.js";
import { html, useState } from "../../ui/view.js";
import { exampleOf } from "./examples.js";
import { Step } from "./step.js";

/** @param {{assistant: any | null, isDone: boolean, isCurrent: boolean}} props */
export function QuestionStep({ assistant, isDone, isCurrent }) {
  return html`<${Step} number=${3} title=${t("start.question")} isDone=${isDone} isCurrent=${isCurrent} summary=${t("start.question.done")}>
    ${assistant ? html`<${QuestionForm} key=${assistant.id} assistant=${assistant} isPrimary=${isCurrent} />` : html`<p class="muted">${t("start.question.first")}</p>`}
  <//>`;
}

/** @param {{assistant: any, isPrimary: boolean}} props */
function QuestionForm({ assistant, isPrimary }) {
  const example = exampleOf(assistant) ?? "any";
  const draft = useDraft(`start/${assistant.id}/question`, t(`start.question.${example}`));
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [hasPreview, setPreview] = useState(false);
  const call = { method: "POST", path: "/threads/runs", body: { assistant_id: assistant.id, thread: { messages: [{ role: "user", content: draft.value }] } } };
  /** @param {Event} event */
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const run = await post(call.path, call.body);
      draft.clear();
      navigate(`playground?assistant=${assistant.id}&thread=${run.thread_id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return html`<form class="stack" onSubmit=${send}>
    <div class="question"><${TextField} label=${t("start.question.label")} value=${draft.value} onInput=${draft.set} hint=${t(`start.question.${example}.hint`)} />
      <div class="inline"><${Button} kind=${isPrimary ? "primary" : "plain"} type="submit" icon="send" busy=${isBusy} disabled=${!draft.value.trim()}>${t("start.question.send")}<//>
        <${Button} kind="quiet" icon="code" onClick=${() => setPreview(true)}>${t("ui.api-preview")}<//></div></div>
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    ${hasPreview && html`<${ApiPreviewDialog} call=${call} onClose=${() => setPreview(false)} />`}
  </form>`;
}
