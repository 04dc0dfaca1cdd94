/** One run: what it wrote and which tools it called, in their order, and what one can do about it. */
import { isFinished } from "../../lib/run_events.js";
import { hasText, t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { lazy } from "../../ui/lazy.js";
import { Message, messageHref } from "../../ui/message/message.js";
import { Badge, Id, Name } from "../../ui/values.js";
import { html, useMemo } from "../../ui/view.js";
import { useSpokenStage } from "./spoken_stage.js";

const Approvals = lazy(async () => (await import("./approvals.js")).Approvals);
const FunctionOutputs = lazy(async () => (await import("./function_outputs.js")).FunctionOutputs);
const ToolCall = lazy(async () => (await import("./tool_call.js")).ToolCall);

/**
 * @param {{session: import("./thread_session.js").ThreadSession, turn: Extract<import("../../lib/thread_turns.js").Turn, {kind: "run"}>,
 *   names: Record<string, string>, pager: any, onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void,
 *   onRetry: (() => void) | undefined}} props `onRetry` is missing while another run is active
 */
export function RunTurn({ session, turn, names, pager, onPassages, onRetry }) {
  const follower = session.follower(turn.run, turn.messages);
  const { run, entries } = follower.state.value;
  const author = names[run.assistant_id] ?? t("message.assistant");
  const isActive = run.status !== null && !isFinished(run.status);
  useSpokenStage(run.status === "in_progress" && entries.at(-1)?.kind === "tools" ? "tools" : run.status, isFinished(run.status));
  return html`<div class="run-turn" role="group" aria-label=${author}>
    <header class="message-head"><h3><${Name} text=${author} /></h3>
      ${run.status && run.status !== "completed" && html`<${Badge} state=${run.status} />`}
      ${run.usage && html`<span class="muted">${t("playground.tokens", { count: run.usage.total_tokens })}</span>`}
      <span class="message-actions">${pager}${onRetry && isFinished(run.status) && html`<${Button} kind="quiet" icon="rotate-cw" label=${t("playground.again")} onClick=${onRetry} />`}</span>
      <${Id} id=${turn.id} parent=${session.id} copy=${false} /></header>
    ${entries.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} run=${run} thread=${session.id} isActive=${isActive} onPassages=${onPassages} />`)}
    ${isActive && !entries.length && html`<p class="muted inline"><${Icon} name="loader-circle" class="is-spinning" />${t("playground.waiting")}</p>`}
    ${run.status === "requires_action" && run.required_action?.submit_tool_outputs && html`<${RunOutputs} key=${run.required_action.submit_tool_outputs.tool_calls[0].id} run=${run} follower=${follower} />`}
    ${run.status === "requires_action" && run.required_action?.submit_tool_approval && html`<${RunApprovals} run=${run} follower=${follower} />`}
    <${Failure} run=${run} />
    ${follower.error.value !== null && html`<${ErrorNote} error=${follower.error.value} />`}
  </div>`;
}

/** @param {{run: any, follower: import("../../api/run_follower.js").RunFollower}} props */
function RunOutputs({ run, follower }) {
  const calls = run.required_action.submit_tool_outputs.tool_calls.map((/** @type {any} */ call) => ({ id: call.id, name: call.function.name, arguments: call.function.arguments }));
  const submit = (/** @type {{id: string, output: string}[]} */ outputs) => follower.submit({ tool_outputs: outputs.map(({ id, output }) => ({ tool_call_id: id, output })) });
  return html`<${FunctionOutputs} owner=${run.id} calls=${calls} onSubmit=${submit} />`;
}

/** @param {{run: any, follower: import("../../api/run_follower.js").RunFollower}} props */
function RunApprovals({ run, follower }) {
  const { tool_calls: calls } = run.required_action.submit_tool_approval;
  const submit = (/** @type {boolean} */ approve) => follower.submit({ tool_approvals: calls.map((/** @type {any} */ call) => ({ tool_call_id: call.id, approve })) });
  return html`<${Approvals} key=${calls[0].id} calls=${calls} onSubmit=${submit} />`;
}

/** An entry that has not changed is not rendered again. @param {any} props */
function Entry({ entry, run, thread, isActive, onPassages }) {
  const isGrowing = isActive && entry.object.status === "in_progress";
  return useMemo(() => {
    if (entry.kind === "tools") return html`<div class="calls">${(entry.object.step_details.tool_calls ?? []).map((/** @type {any} */ call, /** @type {number} */ index) => html`<${ToolCall} key=${call.id ?? index} call=${call} step=${entry.object} isActive=${isActive} isWaiting=${run.status === "requires_action"} onPassages=${onPassages} />`)}</div>`;
    const onCitation = (/** @type {string} */ file) => onPassages({ thread, run: run.id, file });
    return html`<${Message} message=${entry.object} isInner=${true} href=${messageHref(thread, entry.id)} isGrowing=${isGrowing} onCitation=${onCitation} />`;
  }, [entry, run.status, isGrowing]);
}

/** @param {{run: any}} props */
function Failure({ run }) {
  const code = run.last_error?.code ?? run.incomplete_details?.reason ?? (run.status === "expired" ? "expired" : null);
  if (run.status === "cancelled") return html`<p class="muted">${t("playground.stopped")}</p>`;
  if (!code) return null;
  const key = `failures.${code}`;
  return html`<div class="note is-error"><${Icon} name="circle-alert" /><div class="note-text">
    ${run.last_error && html`<p dir="auto">${run.last_error.message}</p>`}${hasText(key) && html`<p class="muted">${t(key)}</p>`}</div></div>`;
}
