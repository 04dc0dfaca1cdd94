/** The playground: an assistant at the left, a thread in the middle, the passages of an answer at the right. */
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { changedMessage, hasTool, messageBody, runCall } from "../../lib/run_request.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { Page } from "../../ui/page.js";
import { Id } from "../../ui/values.js";
import { html, useEffect, useState } from "../../ui/view.js";
import { useAuthors } from "../threads/authors.js";
import { useAssistant } from "./assistant.js";
import { AssistantPane } from "./assistant_pane.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { ModeTabs } from "./mode_tabs.js";
import { Panes } from "./panes.js";
import { useRuns } from "./runs.js";

export const style = "playground.css";
export const texts = ["failures"];

export default function Playground() {
  const { query } = route.value;
  const thread = query.get("thread");
  const assistant = useAssistant(query.get("assistant"));
  const draft = useDraft(`playground/${thread ?? "new"}/message`, /** @type {import("./composer.js").MessageDraft} */ ({ text: "", files: [] }));
  const runs = useRuns(thread);
  const { session } = runs;
  const [open, setOpen] = useState(/** @type {"assistant" | "code" | null} */ (null));
  const [passages, setPassages] = useState(/** @type {import("../../ui/passage/passage_pane.js").PassageSource | null} */ (null));
  const names = { ...useAuthors(), ...(assistant.stored?.name ? { [assistant.stored.id]: assistant.stored.name } : {}) };
  const lastAssistant = session?.latest.value?.assistant_id;
  // A thread without `?assistant=` continues with the assistant of its last run.
  useEffect(() => {
    if (lastAssistant && assistant.id === null) setQuery({ assistant: lastAssistant });
  }, [lastAssistant]);
  const request = (/** @type {any} */ message, on = thread) => runCall({ thread: on, assistant: assistant.id ?? "asst_…", message, overrides: assistant.overrides });
  const send = () => runs.start(request(messageBody(draft.value.text, draft.value.files)), draft.clear);
  const edit = (/** @type {any} */ message, /** @type {string} */ text) => runs.branch(message.id, (branch) => request(changedMessage(message, text), branch));
  const retry = (/** @type {string} */ turn) => runs.branch(turn, (branch) => request(null, branch));
  const openVersionOfLast = (/** @type {number} */ step) => {
    const fork = session?.turns.value.map((turn) => session.forkAt(turn.id)).findLast((one) => one !== undefined);
    const version = fork?.threads[fork.index + step];
    if (version) setQuery({ thread: version }, { replace: false });
  };
  const startThread = () => {
    setPassages(null);
    setQuery({ thread: null }, { replace: false });
    document.getElementById("composer")?.focus();
  };
  useShortcuts([
    { key: "n", label: t("playground.new-thread"), run: startThread },
    { key: "i", label: t("playground.write"), run: () => document.getElementById("composer")?.focus() },
    { key: "[", label: t("playground.version.previous"), run: () => openVersionOfLast(-1) },
    { key: "]", label: t("playground.version.next"), run: () => openVersionOfLast(1) },
    { key: ".", label: t("ui.api-preview"), run: () => setOpen("code") },
  ]);
  const actions = html`${session && html`<span class="playground-thread"><${Id} id=${session.id} /></span>`}
    <span class="playground-narrow"><${Button} icon="bot" onClick=${() => setOpen("assistant")}>${t("playground.assistant")}<//></span>
    <${Button} icon="code" label=${t("ui.api-preview")} shortcut="." onClick=${() => setOpen("code")} />
    <${Button} icon="plus" class="playground-new" label=${t("playground.new-thread")} shortcut="n" disabled=${!session} onClick=${startThread}>${t("playground.new-thread")}<//>`;
  return html`<${Page} title=${t("playground.title")} actions=${actions} tabs=${html`<${ModeTabs} />`} flush=${true}>
    <${Panes} title=${t("playground.assistant")} pane=${html`<${AssistantPane} assistant=${assistant} />`} isPaneOpen=${open === "assistant"} onPaneClose=${() => setOpen(null)} passages=${passages} onPassages=${setPassages}>
      <${Conversation} key=${thread ?? "new"} session=${session} names=${names} onPassages=${setPassages} isSending=${runs.isSending} onEdit=${edit} onRetry=${retry} />
      <${Composer} path="/threads/runs" draft=${draft} tools=${{ hasSearch: hasTool(assistant.form, "file_search"), hasCode: hasTool(assistant.form, "code_interpreter") }}
        hint=${assistant.stored === null ? t("playground.no-assistant") : null} isBusy=${session?.isBusy.value ?? false} isStopping=${session?.latest.value?.status === "cancelling" || runs.isStopping}
        isSending=${runs.isSending} error=${runs.error} onSend=${send} onStop=${runs.stop} />
    <//>
    ${open === "code" && html`<${ApiPreviewDialog} call=${request(messageBody(draft.value.text || t("playground.sample"), draft.value.files))} onClose=${() => setOpen(null)} />`}
  <//>`;
}

