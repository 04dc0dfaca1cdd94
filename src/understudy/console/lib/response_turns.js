/** Items of responses as a log: messages, and calls together with their outputs. */

import { toWebCall } from "./web_calls.js";

/** @typedef {{id: string, kind: "message" | "call" | "item", item: any, call?: any}} LogEntry `call` has the shape that steps of runs have */

/**
 * @param {readonly any[]} items oldest first
 * @returns {LogEntry[]}
 */
export function listEntries(items) {
  const calls = new Set(items.filter((item) => item.type === "function_call").map((item) => item.call_id));
  const outputs = new Map(items.filter((item) => item.type === "function_call_output").map((item) => [item.call_id, item.output]));
  return items.filter((item) => item.type !== "function_call_output" || !calls.has(item.call_id)).map((item) => toEntry(item, outputs));
}

/** The calls of functions that have no output yet. @param {readonly any[]} items @returns {any[]} */
export function pendingCalls(items) {
  const answered = new Set(items.filter((item) => item.type === "function_call_output").map((item) => item.call_id));
  return items.filter((item) => item.type === "function_call" && !answered.has(item.call_id));
}

/** The calls of remote servers' tools that are neither approved nor refused yet. @param {readonly any[]} items @returns {any[]} */
export function pendingApprovals(items) {
  const answered = new Set(items.filter((item) => item.type === "mcp_approval_response").map((item) => item.approval_request_id));
  return items.filter((item) => item.type === "mcp_approval_request" && !answered.has(item.id));
}

/** @param {any} item @param {Map<string, any>} outputs @returns {LogEntry} */
function toEntry(item, outputs) {
  if (item.type === "message") return { id: item.id, kind: "message", item };
  const call = toCall(item, outputs);
  return call ? { id: item.id, kind: "call", item, call } : { id: item.id, kind: "item", item };
}

/** @param {any} item @param {Map<string, any>} outputs */
function toCall(item, outputs) {
  switch (item.type) {
    case "function_call":
      return { id: item.id, type: "function", function: { name: item.name, arguments: item.arguments, output: textOf(outputs.get(item.call_id)) } };
    case "file_search_call":
      return { id: item.id, type: "file_search", file_search: { results: (item.results ?? []).map((/** @type {any} */ hit) => ({ ...hit, file_name: hit.filename })) } };
    case "web_search_call":
      return { id: item.id, type: "web_search", web_search: toWebCall(item) };
    case "image_generation_call":
      return { id: item.id, type: "image_generation", image_generation: { result: item.result ?? item.preview ?? null, format: item.output_format ?? "png", prompt: item.revised_prompt ?? "" } };
    case "mcp_call":
      return { id: item.id, type: "mcp", server_label: item.server_label, name: item.name, arguments: item.arguments, output: item.output, error: item.error };
    case "code_interpreter_call":
      return { id: item.id, type: "code_interpreter", code_interpreter: { input: item.code ?? "", outputs: (item.outputs ?? []).map(toOutput) } };
    default:
      return null;
  }
}

/** @param {any} output */
function textOf(output) {
  return output === undefined || typeof output === "string" ? output ?? null : JSON.stringify(output);
}

/** The path of a file of this server: `/v1/containers/cntr_1/files/cfile_1/content`, or `/v1/files/file-1/content`. */
const FILE_PATH = /\/files\/([\w-]+)\/content(?:[?#]|$)/;

/** An image of a file of the server as that file, any other one as its URL. @param {any} output */
function toOutput(output) {
  if (output.type !== "image") return output;
  const url = output.url ?? "";
  const file = FILE_PATH.exec(url)?.[1];
  return file ? { type: "image", image: { file_id: file } } : { type: "image_url", image_url: { url } };
}
