/** The field for the next message, its files, and sending or stopping. What is typed is stored until the server has it. */
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { useMissingScope } from "../../ui/access.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { lazy } from "../../ui/lazy.js";
import { useDrop } from "../../ui/upload/drop.js";
import { html, useRef } from "../../ui/view.js";
import { useMessageUploads } from "./uploads.js";

const Attachments = lazy(async () => (await import("./attachments.js")).Attachments);

/** @typedef {{text: string, files: import("../../lib/run_request.js").AttachedFile[]}} MessageDraft */

/**
 * @param {{path: string, draft: {value: MessageDraft, set: (value: MessageDraft) => void}, tools: {hasSearch: boolean, hasCode: boolean} | null,
 *   hint: string | null, isBusy: boolean, isStopping: boolean, isSending: boolean, error: unknown, onSend: () => void,
 *   onStop: () => void}} props `path` of the API that a message is sent to; `tools` are those of the assistant, or null
 *   where files are part of the message; `hint` is why nothing can be sent now
 */
export function Composer({ path, draft, tools, hint, isBusy, isStopping, isSending, error, onSend, onStop }) {
  const latest = useRef(draft);
  latest.current = draft;
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const uploads = useMessageUploads(tools, (file) => latest.current.set({ ...latest.current.value, files: [...latest.current.value.files, file] }));
  const isDragged = useDrop(uploads.add);
  const { text, files } = draft.value;
  const missingScope = useMissingScope(path);
  const notice = missingScope === null ? hint : t("ui.read-only", { scope: missingScope });
  const canSend = notice === null && !isBusy && !isSending && !uploads.uploads.length && (text.trim() !== "" || files.some((file) => file.isImage || tools === null));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const focusStop = () => /** @type {HTMLElement | null} */ (box.current?.querySelector(".composer-stop"))?.focus();
  useShortcuts(isBusy ? [{ key: "Escape", label: t("playground.go-to-stop"), run: focusStop }] : []);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && isBusy) return focusStop();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    if (canSend) onSend();
  };
  const onPaste = (/** @type {ClipboardEvent} */ event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (!pasted.length) return;
    event.preventDefault();
    uploads.add(pasted);
  };
  const choose = (/** @type {any} */ event) => {
    uploads.add([...event.currentTarget.files]);
    event.currentTarget.value = "";
  };
  return html`<div class="composer" ref=${box}>
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <div class="composer-box ${isDragged ? "is-dragged" : ""}">
      <textarea class="composer-text" id="composer" aria-label=${t("playground.message")} placeholder=${t("playground.placeholder")} rows=${2} dir="auto" value=${text}
        onInput=${(/** @type {any} */ event) => draft.set({ ...draft.value, text: event.currentTarget.value })} onKeyDown=${onKey} onPaste=${onPaste}></textarea>
      ${(files.length > 0 || uploads.uploads.length > 0) && html`<${Attachments} files=${files} hasTools=${tools !== null} uploads=${uploads.uploads} onChange=${(/** @type {any} */ changed) => draft.set({ ...draft.value, files: changed })} onDrop=${uploads.drop} onRetry=${uploads.retry} />`}
      <div class="composer-foot"><${Button} kind="quiet" icon="paperclip" label=${t("playground.attach")} onClick=${() => picker.current?.click()} />
        <input ref=${picker} type="file" multiple hidden aria-label=${t("playground.attach")} onChange=${choose} />
        <span class="muted spring truncate">${notice ?? t("playground.send-hint")}</span>
        ${isBusy ? html`<${Button} icon="circle-stop" class="composer-stop" shortcut="Esc" disabled=${isStopping} onClick=${onStop}>${t(isStopping ? "playground.stopping" : "playground.stop")}<//>`
          : html`<${Button} kind="primary" icon="send" shortcut="Ctrl ⏎" disabled=${!canSend} busy=${isSending} onClick=${onSend}>${t("playground.send")}<//>`}</div>
    </div></div>`;
}
