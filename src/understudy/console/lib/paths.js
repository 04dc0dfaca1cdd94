/** Paths of pages and their patterns. Knows no browser. */

/**
 * @template {{path: string}} Row
 * @param {Row[]} rows with patterns such as `threads/:id`
 * @param {string} path below the console, without a slash at its start
 * @returns {{row: Row, params: Record<string, string>} | null} the first row that matches
 */
export function matchPath(rows, path) {
  const segments = splitPath(path);
  for (const row of rows) {
    const params = matchSegments(splitPath(row.path), segments);
    if (params) return { row, params };
  }
  return null;
}

/** @param {string} path */
function splitPath(path) {
  return path.split("/").filter(Boolean);
}

/**
 * @param {string[]} pattern
 * @param {string[]} segments
 */
function matchSegments(pattern, segments) {
  if (pattern.length !== segments.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decode(segment);
    else if (part !== segment) return null;
  }
  return params;
}

/** @param {string} segment */
function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * A query string without empty values: `?a=1`, or the empty string.
 *
 * @param {Record<string, string | number | boolean | readonly string[] | null | undefined>} values
 */
export function buildQuery(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value)) for (const one of value) query.append(name, one);
    else if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** The pages of objects, by the prefix of their ids. */
/** @type {readonly (readonly [RegExp, string])[]} */
const PAGES_BY_PREFIX = [
  [/^thread_/, "threads"],
  [/^conv_/, "conversations"],
  [/^asst_/, "assistants"],
  [/^run_/, "runs"],
  [/^file-/, "files"],
  [/^vs_/, "vector-stores"],
  [/^batch_/, "batches"],
  [/^resp_/, "responses"],
  [/^chatcmpl-/, "completions"],
  [/^cntr_/, "containers"],
  [/^we_/, "webhooks"],
  [/^import_/, "imports"],
  [/^export_/, "exports"],
  [/^deletion_/, "deletions"],
  [/^proj_/, "projects"],
];

/**
 * The path of the page of an object, or null if its prefix is unknown.
 *
 * @param {string} id
 * @param {string} [parent] the id of the thread of a run, the vector store of a file, …
 * @returns {string | null}
 */
export function pathOfId(id, parent) {
  const found = PAGES_BY_PREFIX.find(([prefix]) => prefix.test(id));
  if (!found || !/^[\w-]{6,128}$/.test(id)) return null;
  const above = parent ? pathOfId(parent) : null;
  return `${above ? `${above}/` : ""}${found[1]}/${id}`;
}
