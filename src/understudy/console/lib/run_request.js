/** The calls that a playground makes, from what its form and composer have. */

/** @typedef {{id: string, name: string, isImage: boolean, tool: string}} AttachedFile */
/** @typedef {{name: string, model: string, instructions: string, temperature: string, top_p: string, tools: any[], stores: string[], files: string[]}} AssistantForm every value as its control has it */

/** @type {AssistantForm} */
export const EMPTY_FORM = { name: "", model: "", instructions: "", temperature: "", top_p: "", tools: [], stores: [], files: [] };

/** @param {any} assistant @returns {AssistantForm} */
export function formOf(assistant) {
  return {
    name: assistant.name ?? "",
    model: assistant.model,
    instructions: assistant.instructions ?? "",
    temperature: numberText(assistant.temperature),
    top_p: numberText(assistant.top_p),
    tools: assistant.tools,
    stores: assistant.tool_resources?.file_search?.vector_store_ids ?? [],
    files: assistant.tool_resources?.code_interpreter?.file_ids ?? [],
  };
}

/** @param {number | null | undefined} value */
const numberText = (value) => (value === null || value === undefined ? "" : String(value));

/** The body that stores the form as an assistant. @param {AssistantForm} form */
export function assistantBody(form) {
  /** @type {Record<string, any>} */
  const resources = {};
  if (hasTool(form, "file_search")) resources.file_search = { vector_store_ids: form.stores };
  if (hasTool(form, "code_interpreter")) resources.code_interpreter = { file_ids: form.files };
  return {
    name: form.name || null,
    model: form.model,
    instructions: form.instructions || null,
    tools: form.tools,
    temperature: form.temperature === "" ? null : Number(form.temperature),
    top_p: form.top_p === "" ? null : Number(form.top_p),
    tool_resources: resources,
  };
}

/** @param {{tools: readonly any[]}} form @param {string} type */
export function hasTool(form, type) {
  return form.tools.some((tool) => tool.type === type);
}

const OVERRIDES = /** @type {const} */ (["model", "instructions", "tools", "temperature", "top_p"]);

/** What a run uses in place of the stored assistant: the members of the form that differ. @param {AssistantForm} form @param {any} assistant */
export function runOverrides(form, assistant) {
  const body = assistantBody(form);
  const stored = assistantBody(formOf(assistant));
  const changed = OVERRIDES.filter((name) => JSON.stringify(body[name]) !== JSON.stringify(stored[name]));
  return Object.fromEntries(changed.map((name) => [name, body[name] ?? (name === "instructions" ? "" : null)]));
}

/** Whether the form differs from the stored assistant. @param {AssistantForm} form @param {any} assistant */
export function isChanged(form, assistant) {
  return JSON.stringify(assistantBody(form)) !== JSON.stringify(assistantBody(formOf(assistant)));
}

/** A message of the user. @param {string} text @param {readonly AttachedFile[]} files */
export function messageBody(text, files) {
  const images = files.filter((file) => file.isImage);
  const others = files.filter((file) => !file.isImage);
  const parts = [...(text ? [{ type: "text", text }] : []), ...images.map((file) => ({ type: "image_file", image_file: { file_id: file.id } }))];
  return {
    role: "user",
    content: images.length ? parts : text,
    ...(others.length ? { attachments: others.map((file) => ({ file_id: file.id, tools: [{ type: file.tool }] })) } : {}),
  };
}

/** A message of the user with another text, and with its images and files. @param {any} message @param {string} text */
export function changedMessage(message, text) {
  const others = message.content.filter((/** @type {any} */ part) => part.type !== "text");
  return {
    role: "user",
    content: others.length ? [{ type: "text", text }, ...others] : text,
    ...(message.attachments?.length ? { attachments: message.attachments } : {}),
  };
}

/**
 * The call that sends a message and starts its run; without a thread it creates one.
 *
 * @param {{thread: string | null, assistant: string, message: any | null, overrides: Record<string, any>}} request
 * @returns {{method: string, path: string, body: any}}
 */
export function runCall({ thread, assistant, message, overrides }) {
  const body = { assistant_id: assistant, ...overrides };
  if (thread === null) return { method: "POST", path: "/threads/runs", body: { ...body, thread: { messages: message ? [message] : [] } } };
  return { method: "POST", path: `/threads/${encodeURIComponent(thread)}/runs`, body: { ...body, ...(message ? { additional_messages: [message] } : {}) } };
}

/** What is wrong with the definition of a function: a key of the texts, or null. @param {any} value */
export function judgeFunction(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "playground.function.not-object";
  if (typeof value.name !== "string" || !/^[\w-]{1,64}$/.test(value.name)) return "playground.function.bad-name";
  const schema = value.parameters;
  if (schema === undefined || schema === null) return null;
  if (typeof schema !== "object" || Array.isArray(schema) || schema.type !== "object") return "playground.function.bad-parameters";
  const properties = schema.properties ?? {};
  if (typeof properties !== "object" || Array.isArray(properties) || Object.values(properties).some((one) => one === null || typeof one !== "object")) return "playground.function.bad-properties";
  const required = schema.required ?? [];
  return Array.isArray(required) && required.every((name) => Object.hasOwn(properties, name)) ? null : "playground.function.bad-required";
}
