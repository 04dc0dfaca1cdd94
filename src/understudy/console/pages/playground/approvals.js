/** Calls of remote servers' tools that a run makes once they are approved. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CodeBlock } from "../../ui/code_block.js";
import { ErrorNote } from "../../ui/error_note.js";
import { html, useState } from "../../ui/view.js";

/** @param {{run: any, follower: import("../../api/run_follower.js").RunFollower}} props */
export function Approvals({ run, follower }) {
  const [error, setError] = useState(/** @type {unknown} */ (null));
  /** @type {any[]} */
  const calls = run.required_action.submit_tool_approval.tool_calls;
  const answer = (/** @type {boolean} */ approve) => follower.submit({ tool_approvals: calls.map((call) => ({ tool_call_id: call.id, approve })) }).catch(setError);
  return html`<div class="outputs"><p class="muted">${t("playground.approvals.text")}</p>
    ${calls.map((call) => html`<${CodeBlock} key=${call.id} code=${call.arguments} language="json" label="${call.server_label}.${call.name}" />`)}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <div class="inline"><${Button} kind="primary" icon="check" onClick=${() => answer(true)}>${t("playground.approvals.approve")}<//><${Button} icon="x" onClick=${() => answer(false)}>${t("playground.approvals.refuse")}<//></div></div>`;
}
