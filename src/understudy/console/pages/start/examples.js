/** Example assistants that run for real: what they need is uploaded, and their definitions are ordinary ones. */
import { post } from "../../api/client.js";
import { uploadFile } from "../../api/upload.js";
import { t } from "../../text/texts.js";

/** @typedef {"files" | "function" | "code"} ExampleName */

/** @type {readonly {name: ExampleName, icon: string}[]} */
export const EXAMPLES = [
  { name: "files", icon: "file-search" },
  { name: "function", icon: "square-terminal" },
  { name: "code", icon: "chart-column" },
];
const REVENUE = "month,revenue\n1,410\n2,395\n3,460\n4,520\n5,505\n6,590\n7,640\n8,615\n9,700\n10,745\n11,810\n12,930\n";
const WEATHER = {
  name: "get_weather",
  description: "The weather of a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
};

/**
 * The body that creates an example. Without ids, those that are made first stand as `…`.
 *
 * @param {ExampleName} name
 * @param {string} model
 * @param {{file?: string, store?: string}} [ids]
 */
export function exampleBody(name, model, { file = "file-…", store = "vs_…" } = {}) {
  const tools = {
    files: { tools: [{ type: "file_search" }], tool_resources: { file_search: { vector_store_ids: [store] } } },
    function: { tools: [{ type: "function", function: WEATHER }] },
    code: { tools: [{ type: "code_interpreter" }], tool_resources: { code_interpreter: { file_ids: [file] } } },
  };
  return { name: t(`start.example.${name}.name`), model, instructions: t(`start.example.${name}.instructions`), ...tools[name], metadata: { example: name } };
}

/**
 * Creates an example with its file and vector store; returns the assistant. Raises ApiError.
 *
 * @param {ExampleName} name
 * @param {string} model
 */
export async function createExample(name, model) {
  /** @type {{file?: string, store?: string}} */
  const ids = {};
  if (name === "files") {
    const file = await uploadFile(new File([t("start.handbook")], "handbook.md", { type: "text/markdown" }), "assistants");
    ids.store = (await post("/vector_stores", { name: t("start.example.files.store"), file_ids: [file.id] })).id;
  } else if (name === "code") ids.file = (await uploadFile(new File([REVENUE], "revenue.csv", { type: "text/csv" }), "assistants")).id;
  return post("/assistants", exampleBody(name, model, ids));
}

/** What one can write to an assistant: the question of its example. @param {any} assistant */
export function exampleOf(assistant) {
  return EXAMPLES.find((one) => one.name === assistant?.metadata?.example)?.name ?? null;
}
