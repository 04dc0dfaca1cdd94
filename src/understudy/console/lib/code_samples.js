/** The exact call of the API as a program: curl, Python and Node. The key is always a variable of the environment. */

import { kindOfPath } from "./key_kinds.js";

/** @typedef {{method: string, path: string, query?: Record<string, any>, body?: unknown}} Call */

export const SAMPLE_LANGUAGES = /** @type {const} */ (["curl", "python", "node"]);

/**
 * @param {string} language one of SAMPLE_LANGUAGES
 * @param {Call} call
 * @param {string} baseUrl with /v1
 */
export function renderSample(language, call, baseUrl) {
  const renderers = { curl: renderCurl, python: renderPython, node: renderNode };
  return renderers[/** @type {keyof typeof renderers} */ (language)]?.(call, baseUrl) ?? "";
}

/** The variable of the environment that has the key of a call. @param {Call} call */
export const keyVariable = ({ path }) => (kindOfPath(path, { project: true, admin: false }) === "admin" ? "OPENAI_ADMIN_KEY" : "OPENAI_API_KEY");

/** @param {Call} call @param {string} baseUrl */
function renderCurl(call, baseUrl) {
  const { method, path, query, body } = call;
  const lines = [`curl ${quoteShell(baseUrl + path + renderQuery(query))}`, `-H "Authorization: Bearer $${keyVariable(call)}"`];
  if (method !== "GET" && !(method === "POST" && body !== undefined)) lines.push(`-X ${method}`);
  if (body !== undefined) lines.push(`-H "Content-Type: application/json"`, `-d ${quoteShell(JSON.stringify(body, null, 2))}`);
  return lines.join(" \\\n  ");
}

/** @param {Call} call @param {string} baseUrl */
function renderPython(call, baseUrl) {
  const variable = keyVariable(call);
  const [head, key] = variable === "OPENAI_API_KEY" ? ["from openai import OpenAI\n\n# Reads OPENAI_API_KEY.", ""] : ["import os\n\nfrom openai import OpenAI\n", `, api_key=os.environ[${quote(variable)}]`];
  return `${head}\nclient = OpenAI(base_url=${quote(baseUrl)}${key})\n\nresult = client.${pythonCall(call)}\n${isStream(call) ? "for event in result:\n    print(event)\n" : `print(result${outputOf(call)})\n`}`;
}

/** @param {Call} call */
function pythonCall({ method, path, query, body }) {
  const found = findMethod(method, path);
  if (found && isObject(body)) {
    const members = Object.entries(/** @type {object} */ (body)).map(([name, one]) => `${name}=${pythonValue(one, 1)}`);
    return `${found.python}(\n    ${[...found.ids.map(quote), ...members].join(",\n    ")},\n)`;
  }
  const options = [query && Object.keys(query).length ? `options={"params": ${pythonValue(query, 1)}}` : "", body === undefined ? "" : `body=${pythonValue(body, 1)}`];
  return `${method.toLowerCase()}(\n    ${[quote(path), "cast_to=object", ...options.filter(Boolean)].join(",\n    ")},\n)`;
}

/** @param {Call} call @param {string} baseUrl */
function renderNode(call, baseUrl) {
  const variable = keyVariable(call);
  const [note, key] = variable === "OPENAI_API_KEY" ? ["// Reads OPENAI_API_KEY.\n", ""] : ["", `, apiKey: process.env.${variable}`];
  return `import OpenAI from "openai";\n\n${note}const client = new OpenAI({ baseURL: ${quote(baseUrl)}${key} });\n\nconst result = await client.${nodeCall(call)};\n${isStream(call) ? "for await (const event of result) console.log(event);\n" : `console.log(result${outputOf(call)});\n`}`;
}

/** @param {Call} call */
function nodeCall({ method, path, query, body }) {
  const found = findMethod(method, path);
  if (found && isObject(body)) return `${found.node}(${[...found.ids.map(quote), JSON.stringify(body, null, 2)].join(", ")})`;
  const options = [query && Object.keys(query).length ? `query: ${JSON.stringify(query)}` : "", body === undefined ? "" : `body: ${JSON.stringify(body, null, 2)}`].filter(Boolean);
  return `${method.toLowerCase()}(${quote(path)}${options.length ? `, { ${options.join(", ")} }` : ""})`;
}

/** The methods of the official packages; all other calls are made by their paths. */
const METHODS = [
  { call: "POST /responses", python: "responses.create", node: "responses.create" },
  { call: "POST /threads/runs", python: "beta.threads.create_and_run", node: "beta.threads.createAndRun" },
  { call: "POST /threads/{id}/runs", python: "beta.threads.runs.create", node: "beta.threads.runs.create" },
  { call: "POST /chat/completions", python: "chat.completions.create", node: "chat.completions.create" },
];

/** @param {string} method @param {string} path */
function findMethod(method, path) {
  for (const { call, python, node } of METHODS) {
    const match = new RegExp(`^${call.replace("{id}", "([^/]+)")}$`).exec(`${method} ${path}`);
    if (match) return { python, node, ids: match.slice(1) };
  }
  return null;
}

/** @param {Call} call */
const isStream = ({ body }) => isObject(body) && /** @type {any} */ (body).stream === true;
/** What a reader wants to see of the result. @param {Call} call */
const outputOf = ({ method, path }) => (method === "POST" && path === "/responses" ? ".output_text" : "");
/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {Record<string, any> | undefined} query */
function renderQuery(query) {
  const entries = Object.entries(query ?? {}).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
}

/** @param {string} text */
const quote = (text) => JSON.stringify(text);
/** @param {string} text */
const quoteShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {unknown} value @param {number} level @returns {string} */
function pythonValue(value, level) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const indent = "    ".repeat(level + 1);
  const isList = Array.isArray(value);
  const rows = isList ? value.map((one) => pythonValue(one, level + 1)) : Object.entries(value).map(([name, one]) => `${quote(name)}: ${pythonValue(one, level + 1)}`);
  const [start, end] = isList ? ["[", "]"] : ["{", "}"];
  return rows.length ? `${start}\n${rows.map((row) => `${indent}${row},`).join("\n")}\n${"    ".repeat(level)}${end}` : start + end;
}
