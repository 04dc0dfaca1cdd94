/** The items of responses as a log; the answer grows at its end. */
import { setQuery } from "../../app/router.js";
import { conversationOf } from "../../lib/thread_forks.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { lazy } from "../../ui/lazy.js";
import { Item, toMessage } from "../../ui/message/item.js";
import { Message } from "../../ui/message/message.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Badge, Id } from "../../ui/values.js";
import { VirtualList } from "../../ui/virtual_list.js";
import { html, useMemo, useRef, useState } from "../../ui/view.js";

const Approvals = lazy(async () => (await import("./approvals.js")).Approvals);
const ForkPager = lazy(async () => (await import("./fork_pager.js")).ForkPager);
const FunctionOutputs = lazy(async () => (await import("./function_outputs.js")).FunctionOutputs);
const MessageEditor = lazy(async () => (await import("./message_editor.js")).MessageEditor);
const ToolCall = lazy(async () => (await import("./tool_call.js")).ToolCall);
const openVersion = (/** @type {string} */ thread) => setQuery({ response: null, conversation: conversationOf(thread) }, { replace: false });

/**
 * @param {{session: import("./response_session.js").ResponseSession | null, isSending: boolean,
 *   onEdit: (item: any, text: string) => Promise<boolean>, onRetry: () => void, onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void,
 *   onOutputs: (outputs: {id: string, output: string}[]) => Promise<void>, onApprovals: (requests: readonly any[], approve: boolean) => Promise<void>}} props
 */
export function ResponseLog({ session, isSending, onEdit, onRetry, onPassages, onOutputs, onApprovals }) {
  const list = useRef(/** @type {any} */ (null));
  const [isFollowing, setFollowing] = useState(true);
  const [edited, setEdited] = useState(/** @type {string | null} */ (null));
  if (session === null) return html`<div class="log playground-empty"><${Empty} icon="message-square" title=${t("playground.empty")} text=${t("playground.responses.empty")} /></div>`;
  if (session.error.value !== null) return html`<div class="log page-body"><${ErrorNote} error=${session.error.value} onRetry=${() => session.open()} /></div>`;
  if (!session.isReady.value) return html`<div class="log page-body"><${Skeleton} rows=${6} /></div>`;
  const isBusy = session.isBusy.value || isSending;
  const entries = session.entries.value;
  const last = entries.at(-1)?.id;
  const end = { id: "end", kind: /** @type {const} */ ("end") };
  const renderEntry = (/** @type {any} */ entry) => html`<div class="message-frame">${entry.kind === "end"
    ? html`<${ResponseEnd} session=${session} onOutputs=${onOutputs} onApprovals=${onApprovals} onRetry=${isBusy ? undefined : onRetry} />`
    : entry.id === edited ? html`<${MessageEditor} message=${toMessage(entry.item)} isBusy=${isBusy} onSend=${(/** @type {string} */ text) => onEdit(entry.item, text)} onClose=${() => setEdited(null)} />`
    : html`<${Entry} entry=${entry} isGrowing=${session.isBusy.value && entry.id === last} fork=${session.forkAt(entry.id)} onEdit=${isBusy ? undefined : setEdited} onPassages=${onPassages} />`}</div>`;
  return html`<div class="log">
    <${VirtualList} items=${[...entries, end]} label=${t("playground.messages")} estimate=${120} onReady=${(/** @type {any} */ ready) => { list.current = ready; }}
      onStart=${() => session.log.loadOlder()} onFollow=${setFollowing} renderItem=${renderEntry} />
    ${!isFollowing && html`<div class="log-newest"><${Button} icon="arrow-down" shortcut="End" onClick=${() => list.current?.toEnd()}>${t("playground.newest")}<//></div>`}
  </div>`;
}

/** An entry that has not changed is not rendered again. @param {any} props */
function Entry({ entry, isGrowing, fork, onEdit, onPassages }) {
  return useMemo(() => {
    const actions = html`${fork && html`<${ForkPager} fork=${fork} onOpen=${openVersion} />`}${onEdit && entry.item.role === "user" && html`<${Button} kind="quiet" icon="pencil" label=${t("playground.edit")} onClick=${() => onEdit(entry.id)} />`}`;
    if (entry.kind === "message") return html`<${Message} message=${toMessage(entry.item)} isGrowing=${isGrowing} actions=${actions} />`;
    if (entry.kind === "item") return html`<${Item} item=${entry.item} />`;
    const step = { status: entry.item.status };
    const openHits = (/** @type {import("../../ui/passage/passage_pane.js").PassageSource} */ source) => onPassages({ file: source.file, results: entry.call.file_search.results.map(toHit) });
    return html`<div class="calls"><${ToolCall} call=${entry.call} step=${step} isActive=${isGrowing} isWaiting=${false} onPassages=${openHits} /></div>`;
  }, [entry.item, entry.call?.function?.output, isGrowing, fork, onEdit === undefined]);
}

/** The shape that steps of runs have. @param {any} result */
function toHit(result) {
  return { ...result, content: [{ type: "text", text: result.text ?? "" }] };
}

/** What stands below the items: the state of the response, and what it waits for. @param {any} props */
function ResponseEnd({ session, onOutputs, onApprovals, onRetry }) {
  const state = session.state.value;
  const pending = session.pending.value;
  const approvals = session.approvals.value;
  const isBusy = session.isBusy.value;
  if (!state) return null;
  const { response } = state;
  const calls = pending.map((/** @type {any} */ call) => ({ id: call.call_id, name: call.name, arguments: call.arguments }));
  return html`<div class="run-turn">
    ${isBusy && !state.items.length && html`<p class="muted inline"><${Icon} name="loader-circle" class="is-spinning" />${t("playground.waiting")}</p>`}
    ${calls.length > 0 && html`<${FunctionOutputs} key=${calls[0].id} owner=${response.id} calls=${calls} onSubmit=${onOutputs} />`}
    ${approvals.length > 0 && html`<${Approvals} key=${approvals[0].id} calls=${approvals} onSubmit=${(/** @type {boolean} */ approve) => onApprovals(approvals, approve)} />`}
    ${response.status === "cancelled" && html`<p class="muted">${t("playground.stopped")}</p>`}
    ${response.error && html`<div class="note is-error"><${Icon} name="circle-alert" /><div class="note-text"><p dir="auto">${response.error.message}</p></div></div>`}
    ${session.follower.value.error.value !== null && html`<${ErrorNote} error=${session.follower.value.error.value} />`}
    <footer class="message-head">${response.status !== "completed" && html`<${Badge} state=${response.status} />`}<span class="muted">${response.model}</span>
      ${response.usage && html`<span class="muted">${t("playground.tokens", { count: response.usage.total_tokens })}</span>`}<span class="message-actions">${onRetry && html`<${Button} kind="quiet" icon="rotate-cw" label=${t("playground.again")} onClick=${onRetry} />`}</span><${Id} id=${response.id} copy=${false} /></footer></div>`;
}
