/** One item of a conversation or a response: a message, or a call, its output, reasoning, folded to one line. */
import { toWebCall } from "../../lib/web_calls.js";
import { t } from "../../text/texts.js";
import { Icon } from "../icon.js";
import { JsonView } from "../json_view.js";
import { Badge } from "../values.js";
import { GeneratedImage } from "./generated_image.js";
import { html, useState } from "../view.js";
import { Message } from "./message.js";
import { WebCall, summarizeWebCall } from "./web_call.js";

/** What lists of items leave out of their images without this. */
export const IMAGES = { "include[]": ["message.input_image.image_url"] };
/** @type {Record<string, string>} */
const ICONS = { function_call: "braces", function_call_output: "corner-down-right", file_search_call: "file-search", code_interpreter_call: "square-terminal", web_search_call: "globe", image_generation_call: "image", tool_search_call: "search", tool_search_output: "list", mcp_call: "plug", mcp_list_tools: "list", mcp_approval_request: "hand", mcp_approval_response: "check", reasoning: "brain", compaction: "archive" };

/** @param {{item: any}} props */
export function Item({ item }) {
  return item.type === "message" ? html`<${Message} message=${toMessage(item)} />` : html`<${FoldedItem} item=${item} />`;
}

/** @param {{item: any}} props */
function FoldedItem({ item }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div class="item"><button type="button" class="item-line" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name=${isOpen ? "chevron-down" : "chevron-right"} size=${14} /><${Icon} name=${ICONS[item.type] ?? "box"} size=${14} />
      <span class="mono">${nameOf(item)}</span><span class="muted truncate" dir="auto">${summarize(item)}</span>${item.status && item.status !== "completed" && html`<${Badge} state=${item.status} />`}</button>
    ${isOpen && html`<${ItemDetails} item=${item} />`}</div>`;
}

/** @param {any} item */
function nameOf(item) {
  return item.server_label && item.name ? `${item.server_label}.${item.name}` : item.name ?? item.type;
}

/** An image is a picture, and not its bytes in the JSON; results of a web search are links. @param {{item: any}} props */
function ItemDetails({ item }) {
  const { result, ...members } = item;
  if (item.type === "web_search_call") return html`<${WebCall} call=${toWebCall(item)} isRunning=${item.status === "in_progress"} /><${JsonView} value=${item} label=${item.type} depth=${1} />`;
  if (item.type !== "image_generation_call" || !result) return html`<${JsonView} value=${item} label=${item.type} depth=${3} />`;
  const image = { result, format: item.output_format ?? "png", prompt: item.revised_prompt ?? "" };
  return html`<${GeneratedImage} image=${image} isRunning=${false} /><${JsonView} value=${members} label=${item.type} depth=${3} />`;
}

/** The first words of what an item is about. @param {any} item */
function summarize(item) {
  if (item.type === "web_search_call") return summarizeWebCall(toWebCall(item));
  if (item.type === "mcp_approval_response") return t(item.approve ? "message.approved" : "message.refused");
  const text = item.arguments?.paths?.join(" · ") ?? item.arguments ?? item.revised_prompt ?? item.tools?.map((/** @type {any} */ tool) => tool.name).join(" · ") ?? item.queries?.join(" · ") ?? item.code ?? item.summary?.map((/** @type {any} */ part) => part.text).join(" ") ?? item.output ?? "";
  const line = typeof text === "string" ? text : JSON.stringify(text);
  return line ? line.slice(0, 200) : t("message.details");
}

/** The same shape as a message of a thread. @param {any} item */
export function toMessage(item) {
  const parts = typeof item.content === "string" ? [{ type: "output_text", text: item.content }] : item.content;
  return { ...item, status: item.status ?? "completed", content: parts.map(toPart) };
}

/** @param {any} part */
function toPart(part) {
  if (part.type === "refusal") return part;
  if (part.type === "input_image") return part.file_id ? { type: "image_file", image_file: { file_id: part.file_id } } : { type: "image_url", image_url: { url: part.image_url ?? "" } };
  if (part.type === "input_file") return { type: "text", text: { value: part.filename ?? part.file_id ?? part.file_url ?? "", annotations: [] } };
  const annotations = (part.annotations ?? []).map((/** @type {any} */ one) => ({ text: one.filename ?? "", file_citation: one.file_id ? { file_id: one.file_id } : null }));
  return { type: "text", text: { value: part.text ?? "", annotations } };
}
