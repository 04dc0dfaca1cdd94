/** A call of a tool, folded to one line; open, it has what went in and what came out. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CodeBlock } from "../../ui/code_block.js";
import { Icon } from "../../ui/icon.js";
import { FileImage, UrlImage } from "../../ui/message/file_image.js";
import { Badge } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { GeneratedImage } from "../../ui/message/generated_image.js";
import { WebCall, summarizeWebCall } from "../../ui/message/web_call.js";

/** @type {Record<string, string>} */
const ICONS = { function: "braces", code_interpreter: "square-terminal", file_search: "file-search", mcp: "plug", web_search: "globe", image_generation: "image" };

/**
 * @param {{call: any, step: any, isActive: boolean, isWaiting: boolean, onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void}} props
 */
export function ToolCall({ call, step, isActive, isWaiting, onPassages }) {
  const isRunning = isActive && step.status === "in_progress";
  const hasFailed = Boolean(call.error) || ["failed", "cancelled", "expired"].includes(step.status);
  // What is open at first stays open: nothing closes by itself under the reader.
  const [isOpen, setOpen] = useState(call.type === "code_interpreter" || call.type === "image_generation" || (call.type === "function" && isRunning));
  return html`<div class="call"><button type="button" class="item-line" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name=${isOpen ? "chevron-down" : "chevron-right"} size=${14} /><${Icon} name=${ICONS[call.type] ?? "wrench"} size=${14} />
      <span class="mono">${nameOf(call)}</span><span class="muted truncate" dir="auto">${summarize(call)}</span>${isRunning && html`<${Icon} name=${isWaiting ? "hand" : "loader-circle"} size=${14} class=${isWaiting ? "" : "is-spinning"} />`}
      ${!isActive && hasFailed && html`<${Badge} state=${call.error ? "failed" : step.status} />`}</button>
    ${isOpen && html`<div class="call-body"><${CallBody} call=${call} step=${step} onPassages=${onPassages} /></div>`}</div>`;
}

/** @param {any} call */
function nameOf(call) {
  if (call.type === "function") return call.function?.name ?? "";
  if (call.type === "mcp") return `${call.server_label ?? ""}.${call.name ?? ""}`;
  return t(`playground.tool.${call.type}`);
}

/** @param {any} call */
function summarize(call) {
  if (call.type === "file_search") return call.file_search?.results?.length ? t("playground.passages", { count: call.file_search.results.length }) : "";
  if (call.type === "image_generation") return call.image_generation.prompt;
  if (call.type === "web_search") return summarizeWebCall(call.web_search);
  const text = call.function?.arguments ?? call.arguments ?? call.code_interpreter?.input ?? "";
  return text.trim().split("\n")[0].slice(0, 160);
}

/** @param {{call: any, step: any, onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void}} props */
function CallBody({ call, step, onPassages }) {
  if (call.type === "code_interpreter") return html`<${CodeCall} call=${call.code_interpreter ?? {}} />`;
  if (call.type === "file_search") return html`<${SearchCall} call=${call} step=${step} onPassages=${onPassages} />`;
  if (call.type === "image_generation") return html`<${GeneratedImage} image=${call.image_generation} isRunning=${step.status === "in_progress"} />`;
  if (call.type === "web_search") return html`<${WebCall} call=${call.web_search} isRunning=${step.status === "in_progress"} />`;
  const { arguments: input = "", output } = call.type === "function" ? (call.function ?? {}) : call;
  return html`<${CodeBlock} code=${input} language="json" label=${t("playground.arguments")} />
    ${typeof output === "string" && html`<${CodeBlock} code=${output} language="json" label=${t("playground.output")} />`}
    ${call.error && html`<p class="field-error">${call.error}</p>`}`;
}

/** @param {{call: any}} props */
function CodeCall({ call }) {
  return html`<${CodeBlock} code=${call.input ?? ""} language="python" filename="code.py" />
    ${(call.outputs ?? []).map((/** @type {any} */ output, /** @type {number} */ index) => html`<${CodeOutput} key=${index} output=${output} />`)}`;
}

/** @param {{output: any}} props */
function CodeOutput({ output }) {
  if (output.type === "image") return html`<${FileImage} id=${output.image.file_id} />`;
  if (output.type === "image_url") return html`<${UrlImage} url=${output.image_url.url} />`;
  return html`<${CodeBlock} code=${output.logs ?? ""} label=${t("playground.logs")} />`;
}

/** @param {{call: any, step: any, onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void}} props */
function SearchCall({ call, step, onPassages }) {
  const results = call.file_search?.results ?? [];
  if (!results.length) return html`<p class="muted">${t(step.status === "in_progress" ? "playground.searching" : "playground.no-passages")}</p>`;
  return html`<ol class="hits">${results.map((/** @type {any} */ hit, /** @type {number} */ index) => html`<li key=${index}>
    <span class="number mono">${hit.score?.toFixed(2)}</span>
    <${Button} kind="quiet" icon="quote" onClick=${() => onPassages({ thread: step.thread_id, run: step.run_id, file: hit.file_id })}><bdi>${hit.file_name ?? hit.file_id}</bdi><//></li>`)}</ol>`;
}
