/** The body of a response, from what the playground's form and composer have. */

/**
 * @typedef {{model: string, instructions: string, temperature: string, top_p: string, tools: any[], stores: string[], files: string[]}} ResponseForm
 *   every value as its control has it; functions have the shape of assistants
 */

/** @type {ResponseForm} */
export const EMPTY_RESPONSE_FORM = { model: "", instructions: "", temperature: "", top_p: "", tools: [], stores: [], files: [] };

const PREVIEWS = 2;

/** What the console needs to show results where they happen. */
export const INCLUDED = ["file_search_call.results", "code_interpreter_call.outputs", "web_search_call.results"];

/**
 * @param {ResponseForm} form
 * @param {any} input
 * @param {{conversation?: string | null, previous?: string | null}} context
 */
export function responseBody(form, input, { conversation, previous }) {
  const tools = form.tools.map((tool) => toTool(tool, form)).filter((tool) => tool !== null);
  return {
    model: form.model,
    input,
    ...(form.instructions ? { instructions: form.instructions } : {}),
    ...(tools.length ? { tools } : {}),
    ...(form.temperature === "" ? {} : { temperature: Number(form.temperature) }),
    ...(form.top_p === "" ? {} : { top_p: Number(form.top_p) }),
    ...(conversation ? { conversation } : previous ? { previous_response_id: previous } : {}),
  };
}

/** @param {any} tool @param {ResponseForm} form */
function toTool(tool, form) {
  if (tool.type === "function") return { type: "function", strict: false, ...tool.function };
  if (tool.type === "code_interpreter") return { type: "code_interpreter", container: { type: "auto", ...(form.files.length ? { file_ids: form.files } : {}) } };
  if (tool.type === "web_search") return { type: "web_search" };
  if (tool.type === "mcp") return tool;
  if (tool.type === "image_generation") return { type: "image_generation", partial_images: PREVIEWS };
  // A search needs a vector store.
  return form.stores.length ? { type: "file_search", vector_store_ids: form.stores } : null;
}

/** The input of a message. @param {string} text @param {readonly import("./run_request.js").AttachedFile[]} files */
export function messageInput(text, files) {
  if (!files.length) return text;
  const parts = files.map((file) => (file.isImage ? { type: "input_image", file_id: file.id } : { type: "input_file", file_id: file.id }));
  return [{ role: "user", content: [...parts, ...(text ? [{ type: "input_text", text }] : [])] }];
}

/** The input that repeats stored items: messages of the user, outputs of functions and approvals. @param {readonly any[]} items */
export function repeatInput(items) {
  return items.map((item) => {
    if (item.type === "message") return { role: item.role, content: item.content };
    if (item.type === "mcp_approval_response") return approvalInput(item.approval_request_id, item.approve);
    return { type: item.type, call_id: item.call_id, output: item.output };
  });
}

/** @param {string} request the id of a request for approval @param {boolean} approve */
function approvalInput(request, approve) {
  return { type: "mcp_approval_response", approval_request_id: request, approve };
}

/** The input that approves of calls, or refuses them. @param {readonly any[]} requests the items that ask @param {boolean} approve */
export function approvalsInput(requests, approve) {
  return requests.map((request) => approvalInput(request.id, approve));
}

/** The content of a message with another text; images and files stay. @param {any} item @param {string} text */
export function changedInput(item, text) {
  return [{ role: "user", content: [...item.content.filter((/** @type {any} */ part) => part.type !== "input_text"), { type: "input_text", text }] }];
}

/**
 * What a stored response was made with, as the form has it. Of MCP servers it has only the host, so the whole URL of one with
 * the same label comes from `known`.
 *
 * @param {any} response
 * @param {ResponseForm} [known]
 * @returns {ResponseForm}
 */
export function formOfResponse(response, known = EMPTY_RESPONSE_FORM) {
  const tools = response.tools ?? [];
  const search = tools.find((/** @type {any} */ tool) => tool.type === "file_search");
  const code = tools.find((/** @type {any} */ tool) => tool.type === "code_interpreter");
  return {
    model: response.model,
    instructions: response.instructions ?? "",
    temperature: response.temperature === 1 || response.temperature === null ? "" : String(response.temperature),
    top_p: response.top_p === 1 || response.top_p === null ? "" : String(response.top_p),
    tools: tools.map((/** @type {any} */ tool) => knownServer(tool, known) ?? toFormTool(tool)).filter((/** @type {any} */ tool) => tool !== null),
    stores: search?.vector_store_ids ?? [],
    files: code?.container?.file_ids ?? [],
  };
}

/** @param {any} tool @param {ResponseForm} known */
function knownServer(tool, known) {
  const isOfHost = (/** @type {any} */ one) => one.server_label === tool.server_label && hostOf(one.server_url) === hostOf(tool.server_url);
  return tool.type === "mcp" && tool.server_url ? known.tools.find((one) => one.type === "mcp" && isOfHost(one)) : undefined;
}

/** @param {string} url */
const hostOf = (url) => (URL.canParse(url) ? new URL(url).host : url);

/** @param {any} tool */
function toFormTool({ type, ...members }) {
  if (type === "mcp") return { type, ...members };
  if (type === "function") return { type, function: members };
  if (type.startsWith("web_search")) return { type: "web_search" };
  return type === "file_search" || type === "code_interpreter" || type === "image_generation" ? { type } : null;
}

/** The input that answers calls of functions. @param {readonly {id: string, output: string}[]} outputs by `call_id` */
export function outputsInput(outputs) {
  return outputs.map(({ id, output }) => ({ type: "function_call_output", call_id: id, output }));
}
