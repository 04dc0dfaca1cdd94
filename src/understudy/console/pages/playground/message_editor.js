/** A message of the user that is changed in its place; sending it makes a branch of the thread. */
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { textOf } from "../../ui/message/message.js";
import { html, useEffect, useRef } from "../../ui/view.js";

/**
 * @param {{message: any, isBusy: boolean, onSend: (text: string) => Promise<boolean>, onClose: () => void}} props `onSend`
 *   returns whether the message was sent
 */
export function MessageEditor({ message, isBusy, onSend, onClose }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const draft = useDraft(`playground/${message.thread_id}/edit/${message.id}`, textOf(message));
  useEffect(() => field.current?.focus(), []);
  const send = async () => {
    if (draft.value.trim() && !isBusy && (await onSend(draft.value))) draft.clear();
  };
  const close = () => {
    draft.clear();
    onClose();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  return html`<div class="message-editor"><textarea class="input" ref=${field} aria-label=${t("playground.edit.label")} rows=${3} dir="auto" value=${draft.value}
      onInput=${(/** @type {any} */ event) => draft.set(event.currentTarget.value)} onKeyDown=${onKey}></textarea>
    <div class="inline"><${Button} kind="primary" icon="git-branch" shortcut="Ctrl ⏎" busy=${isBusy} disabled=${!draft.value.trim()} onClick=${send}>${t("playground.edit.send")}<//>
      <${Button} onClick=${close}>${t("ui.cancel")}<//><span class="muted">${t("playground.edit.hint")}</span></div></div>`;
}
