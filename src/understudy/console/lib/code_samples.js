/** The exact call of the API as a program: curl, Python and Node. The key is always a variable of the environment. */

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

/** @param {Call} call @param {string} baseUrl */
function renderCurl({ method, path, query, body }, baseUrl) {
  const lines = [`curl ${quoteShell(baseUrl + path + renderQuery(query))}`, `-H "Authorization: Bearer $OPENAI_API_KEY"`];
  if (method !== "GET" && !(method === "POST" && body !== undefined)) lines.push(`-X ${method}`);
  if (body !== undefined) lines.push(`-H "Content-Type: application/json"`, `-d ${quoteShell(JSON.stringify(body, null, 2))}`);
  return lines.join(" \\\n  ");
}

/** @param {Call} call @param {string} baseUrl */
function renderPython({ method, path, query, body }, baseUrl) {
  const options = [query && Object.keys(query).length ? `options={"params": ${pythonValue(query, 1)}}` : "", body === undefined ? "" : `body=${pythonValue(body, 1)}`];
  const name = method.toLowerCase();
  const parts = [quote(path), "cast_to=object", ...options.filter(Boolean)];
  return `from openai import OpenAI\n\n# Reads OPENAI_API_KEY.\nclient = OpenAI(base_url=${quote(baseUrl)})\n\nresult = client.${name}(\n    ${parts.join(",\n    ")},\n)\nprint(result)\n`;
}

/** @param {Call} call @param {string} baseUrl */
function renderNode({ method, path, query, body }, baseUrl) {
  const options = [query && Object.keys(query).length ? `query: ${JSON.stringify(query)}` : "", body === undefined ? "" : `body: ${JSON.stringify(body, null, 2)}`].filter(Boolean);
  return `import OpenAI from "openai";\n\n// Reads OPENAI_API_KEY.\nconst client = new OpenAI({ baseURL: ${quote(baseUrl)} });\n\nconst result = await client.${method.toLowerCase()}(${quote(path)}${options.length ? `, { ${options.join(", ")} }` : ""});\nconsole.log(result);\n`;
}

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
