/** Calls a tool with the reader's key: arguments as JSON, and what the tool answers. */
import { post } from "../../api/client.js";
import { parseJson } from "../../lib/json_errors.js";
import { argumentsFor } from "../../lib/tool_arguments.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { JsonEditor } from "../../ui/json_editor.js";
import { JsonView } from "../../ui/json_view.js";
import { Badge } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { ToolParameters } from "./tool_parameters.js";

/** @param {{tool: any}} props */
export function ToolTrial({ tool }) {
  const draft = useDraft(`tool/${tool.slug}`, JSON.stringify(argumentsFor(tool.input_parameters), null, 2));
  const [state, setState] = useState({ isBusy: false, answer: /** @type {any} */ (null), error: /** @type {unknown} */ (null) });
  const parsed = parseJson(draft.value || "{}");
  const run = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!parsed.ok) return;
    setState({ isBusy: true, answer: null, error: null });
    try {
      setState({ isBusy: false, answer: await post(`/api/v3/tools/execute/${encodeURIComponent(tool.slug)}`, { arguments: parsed.value ?? {} }), error: null });
    } catch (error) {
      setState({ isBusy: false, answer: null, error });
    }
  };
  const byKey = (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && run(event);
  const { answer } = state;
  return html`<p class="prose">${tool.description}</p>
    <div class="tool-trial"><form class="stack" onSubmit=${run} onKeyDown=${byKey}>
      <${JsonEditor} label=${t("tools.arguments")} value=${draft.value} rows=${10} onInput=${draft.set} />
      <div class="inline"><${Button} kind="primary" type="submit" icon="play" shortcut="Ctrl ⏎" busy=${state.isBusy} disabled=${!parsed.ok}>${t("tools.run")}<//>
        ${tool.tags.includes("destructiveHint") && html`<span class="muted">${t("tools.destructive")}</span>`}</div>
      ${state.error !== null && html`<${ErrorNote} error=${state.error} />`}
      ${answer && html`<div class="inline" role="status"><${Badge} state=${answer.successful ? "completed" : "failed"} />${answer.error && html`<span dir="auto">${answer.error}</span>`}</div>
        <${JsonView} value=${answer.data} label=${t("tools.answer")} depth=${3} />`}</form>
      <${ToolParameters} schema=${tool.input_parameters} /></div>`;
}
