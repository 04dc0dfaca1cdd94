/** The playground of responses: the model and its tools at the left, the items in the middle. */
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { approvalsInput, changedInput, EMPTY_RESPONSE_FORM, formOfResponse, messageInput, outputsInput, repeatInput, responseBody } from "../../lib/response_request.js";
import { conversationOf } from "../../lib/thread_forks.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { Page } from "../../ui/page.js";
import { Id } from "../../ui/values.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";
import { Composer } from "./composer.js";
import { ModeTabs } from "./mode_tabs.js";
import { Panes } from "./panes.js";
import { ResponseFormPane } from "./response_form.js";
import { ResponseLog } from "./response_log.js";
import { useResponses } from "./response_calls.js";
import { useSpokenStage } from "./spoken_stage.js";

export const style = "playground.css";

export default function ResponsePlayground() {
  const { query } = route.value;
  const settings = useDraft("playground/responses/form", /** @type {import("./response_form.js").ResponseSettings} */ ({ ...EMPTY_RESPONSE_FORM, isConversation: false, isEdited: false, isSent: false }));
  const form = settings.value;
  const draft = useDraft(`playground/responses/${query.get("response") ?? query.get("conversation") ?? "new"}/message`, /** @type {import("./composer.js").MessageDraft} */ ({ text: "", files: [] }));
  const responses = useResponses(query.get("response"), query.get("conversation"));
  const { session } = responses;
  const [open, setOpen] = useState(/** @type {"form" | "code" | null} */ (null));
  const [passages, setPassages] = useState(/** @type {import("../../ui/passage/passage_pane.js").PassageSource | null} */ (null));
  const input = messageInput(draft.value.text, draft.value.files);
  const latest = useRef(form);
  latest.current = form;
  // The next response that opens was made with the form, unless the request fails; what is typed meanwhile stays.
  const withForm = async (/** @type {() => Promise<unknown>} */ make) => {
    settings.set({ ...form, isEdited: false, isSent: true });
    let isDone = false;
    try {
      isDone = (await make()) !== false;
    } finally {
      if (!isDone) settings.set({ ...latest.current, isEdited: form.isEdited || latest.current.isEdited, isSent: false });
    }
    return isDone;
  };
  const start = (/** @type {any} */ content, /** @type {string} */ item = "") => withForm(() => responses.start((context) => responseBody(form, content, context), form.isConversation, item));
  const send = async () => {
    if (await start(input)) draft.clear();
  };
  const create = (/** @type {any} */ content) => withForm(() => responses.create((context) => responseBody(form, content, context), form.isConversation));
  const answer = (/** @type {{id: string, output: string}[]} */ outputs) => create(outputsInput(outputs));
  const approve = (/** @type {readonly any[]} */ requests, /** @type {boolean} */ isApproved) => create(approvalsInput(requests, isApproved));
  const edit = (/** @type {any} */ item, /** @type {string} */ text) => start(changedInput(item, text), item.id);
  const retry = () => {
    const own = session?.ownInput ?? [];
    if (own[0]) start(repeatInput(own), own[0].id);
  };
  useSpokenResponse(responses);
  const stored = session?.state.value?.response;
  // A response of another page, program or chat continues with what it was made with, unless that loses what was typed.
  useEffect(() => {
    if (!stored || !settings.isReady) return;
    if (form.isSent) settings.set({ ...form, isSent: false });
    else if (!form.isEdited) settings.set({ ...form, ...formOfResponse(stored, form) });
  }, [stored?.id, settings.isReady]);
  const openVersionOfLast = (/** @type {number} */ step) => {
    const version = session?.versionOfLast(step);
    if (version) setQuery({ response: null, conversation: conversationOf(version) }, { replace: false });
  };
  const startNew = () => {
    setPassages(null);
    setQuery({ response: null, conversation: null }, { replace: false });
    document.getElementById("composer")?.focus();
  };
  useShortcuts([
    { key: "n", label: t("playground.responses.new"), run: startNew },
    { key: "i", label: t("playground.write"), run: () => document.getElementById("composer")?.focus() },
    { key: "[", label: t("playground.version.previous"), run: () => openVersionOfLast(-1) },
    { key: "]", label: t("playground.version.next"), run: () => openVersionOfLast(1) },
    { key: ".", label: t("ui.api-preview"), run: () => setOpen("code") },
  ]);
  const hint = form.model === "" ? t("playground.no-model") : hintOf(session);
  const context = session?.context ?? { conversation: form.isConversation ? "conv_…" : null, previous: null };
  const preview = { method: "POST", path: "/responses", body: responseBody(form, draft.value.text || draft.value.files.length ? input : t("playground.sample"), context) };
  const pane = html`<${ResponseFormPane} form=${form} error=${responses.error} hasStarted=${session !== null} conversation=${session?.context.conversation ?? null}
    onChange=${(/** @type {object} */ changes) => settings.set({ ...form, ...changes, isEdited: true })} />`;
  const actions = html`${session?.response && html`<span class="playground-thread"><${Id} id=${session.response} /></span>`}
    <span class="playground-narrow"><${Button} icon="sliders-horizontal" onClick=${() => setOpen("form")}>${t("playground.settings")}<//></span>
    <${Button} icon="code" label=${t("ui.api-preview")} shortcut="." onClick=${() => setOpen("code")} />
    <${Button} icon="plus" class="playground-new" label=${t("playground.responses.new")} shortcut="n" disabled=${!session} onClick=${startNew}>${t("playground.responses.new")}<//>`;
  return html`<${Page} title=${t("playground.title")} actions=${actions} tabs=${html`<${ModeTabs} />`} flush=${true}>
    <${Panes} title=${t("playground.settings")} pane=${pane} isPaneOpen=${open === "form"} onPaneClose=${() => setOpen(null)} passages=${passages} onPassages=${setPassages}>
      <${ResponseLog} key=${session?.response ?? session?.conversation ?? "new"} session=${session} isSending=${responses.isSending} onEdit=${edit} onRetry=${retry} onPassages=${setPassages} onOutputs=${answer} onApprovals=${approve} />
      <${Composer} path="/responses" draft=${draft} tools=${null} hint=${hint} isBusy=${session?.isBusy.value ?? false} isStopping=${responses.isStopping} isSending=${responses.isSending}
        error=${responses.error} onSend=${send} onStop=${responses.stop} />
    <//>
    ${open === "code" && html`<${ApiPreviewDialog} call=${preview} onClose=${() => setOpen(null)} />`}
  <//>`;
}

/** What the response waits for. @param {import("./response_session.js").ResponseSession | null} session */
function hintOf(session) {
  if (session?.pending.value.length) return t("playground.responses.answer-first");
  return session?.approvals.value.length ? t("playground.responses.approve-first") : null;
}

/** @param {ReturnType<typeof useResponses>} responses */
function useSpokenResponse({ session, isSending }) {
  useSpokenStage(isSending ? "sending" : session?.stage ?? null, !isSending && !session?.isBusy.value);
}
