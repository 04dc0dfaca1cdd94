/** The body of a response, from what the playground's form and composer have. */

/**
 * @typedef {{model: string, instructions: string, temperature: string, top_p: string, tools: any[], stores: string[], files: string[]}} ResponseForm
 *   every value as its control has it; functions have the shape of assistants
 */

/** @type {ResponseForm} */
export const EMPTY_RESPONSE_FORM = { model: "", instructions: "", temperature: "", top_p: "", tools: [], stores: [], files: [] };

/** What the console needs to show results where they happen. */
export const INCLUDED = ["file_search_call.results", "code_interpreter_call.outputs"];

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
  // A search needs a vector store.
  return form.stores.length ? { type: "file_search", vector_store_ids: form.stores } : null;
}

/** The input of a message. @param {string} text @param {readonly import("./run_request.js").AttachedFile[]} files */
export function messageInput(text, files) {
  if (!files.length) return text;
  const parts = files.map((file) => (file.isImage ? { type: "input_image", file_id: file.id } : { type: "input_file", file_id: file.id }));
  return [{ role: "user", content: [...parts, ...(text ? [{ type: "input_text", text }] : [])] }];
}

/** The input that answers calls of functions. @param {readonly {id: string, output: string}[]} outputs by `call_id` */
export function outputsInput(outputs) {
  return outputs.map(({ id, output }) => ({ type: "function_call_output", call_id: id, output }));
}
