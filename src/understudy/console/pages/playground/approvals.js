/** Calls of remote servers' tools that a run or a response makes once they are approved. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CodeBlock } from "../../ui/code_block.js";
import { ErrorNote } from "../../ui/error_note.js";
import { html, useState } from "../../ui/view.js";

/**
 * @param {{calls: readonly {id: string, server_label: string, name: string, arguments: string}[],
 *   onSubmit: (approve: boolean) => Promise<void>}} props
 */
export function Approvals({ calls, onSubmit }) {
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isBusy, setBusy] = useState(false);
  const submit = async (/** @type {boolean} */ approve) => {
    setBusy(true);
    setError(null);
    await onSubmit(approve).catch((failure) => {
      setError(failure);
      setBusy(false);
    });
  };
  return html`<div class="outputs"><p class="muted">${t("playground.approvals.text", { count: calls.length })}</p>
    ${calls.map((call) => html`<${CodeBlock} key=${call.id} code=${call.arguments} language="json" label="${call.server_label}.${call.name}" />`)}
    ${error !== null && html`<${ErrorNote} error=${error} />`}
    <div class="inline"><${Button} kind="primary" icon="check" busy=${isBusy} onClick=${() => submit(true)}>${t("playground.approvals.approve")}<//><${Button} icon="x" disabled=${isBusy} onClick=${() => submit(false)}>${t("playground.approvals.refuse")}<//></div></div>`;
}
