/** Members of objects as the texts of form fields, and back. */

/** The text of a lifetime without an end. */
export const FOR_EVER = "never";

/** @typedef {{name: string, kind: string, initial?: unknown}} ValueField */

/**
 * The texts of a form for an object, or for a new one.
 *
 * @param {readonly ValueField[]} fields
 * @param {Record<string, any>} [row]
 * @returns {Record<string, string>}
 */
export function readForm(fields, row) {
  return Object.fromEntries(fields.map((field) => [field.name, toText(field, row ? row[field.name] : field.initial)]));
}

/** @param {ValueField} field @param {unknown} value */
function toText({ kind }, value) {
  if (value === null || value === undefined) return "";
  if (kind !== "json" && kind !== "metadata" && kind !== "choices") return String(value);
  const isEmpty = typeof value === "object" && !Object.keys(value).length;
  return isEmpty ? "" : JSON.stringify(value, null, 2);
}

/**
 * The body of the request: what is not empty for a new object, what has changed for `row`.
 *
 * @param {readonly ValueField[]} fields
 * @param {Record<string, string>} texts
 * @param {Record<string, any>} [row]
 */
export function writeForm(fields, texts, row) {
  const before = row ? readForm(fields, row) : {};
  const changed = fields.filter(({ name }) => (row ? texts[name] !== before[name] : texts[name]));
  return Object.fromEntries(changed.map((field) => [field.name, toValue(field, texts[field.name] ?? "")]));
}

/** @param {ValueField} field @param {string} text */
function toValue({ kind }, text) {
  if (kind === "metadata") return parse(text, {});
  if (kind === "choices") return parse(text, []);
  if (text === "") return kind === "json" ? [] : null;
  if (kind === "switch") return text === "true";
  if (kind === "number") return Number(text);
  if (kind === "lifetime") return text === FOR_EVER ? null : Number(text);
  return kind === "json" ? parse(text, []) : text;
}

/** Malformed JSON is sent as it is, and the server names the error. @param {string} text @param {unknown} empty */
function parse(text, empty) {
  if (text.trim() === "") return empty;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
