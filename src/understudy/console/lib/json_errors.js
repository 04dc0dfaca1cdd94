/** Parses JSON that a person writes, with the line of its first error, which the messages of browsers often leave out. */

/**
 * @typedef {{ok: true, value: any} | {ok: false, message: string, line: number}} ParsedJson `line` counts from 1
 */

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const MOST_DEPTH = 200;

/**
 * @param {string} text
 * @returns {ParsedJson}
 */
export function parseJson(text) {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = text.slice(0, errorPosition(text)).split("\n").length;
    return { ok: false, message: message.replace(/,? (in JSON )?at position.*$| \(line.*$|, \.{3}".*$|, ".*$/s, ""), line };
  }
}

/** Where the text stops to be the beginning of JSON. @param {string} text */
function errorPosition(text) {
  let position = 0;
  /** @param {RegExp} pattern @returns {boolean} whether it has skipped a match */
  const skip = (pattern) => {
    pattern.lastIndex = position;
    const found = pattern.exec(text)?.[0];
    position += found?.length ?? 0;
    return found !== undefined;
  };
  /** @param {string} mark */
  const take = (mark) => {
    skip(SPACE);
    const isThere = text[position] === mark;
    if (isThere) position += 1;
    return isThere;
  };
  /** Whether a whole value was skipped; otherwise the position is where it is broken. @param {number} depth @returns {boolean} */
  const skipValue = (depth) => {
    if (depth > MOST_DEPTH) return false;
    if (take("{")) return skipMembers("}", () => (skip(SPACE), skip(STRING)) && take(":") && skipValue(depth + 1));
    if (take("[")) return skipMembers("]", () => skipValue(depth + 1));
    return skip(STRING) || skip(SCALAR);
  };
  /** @param {string} end @param {() => boolean} skipMember */
  const skipMembers = (end, skipMember) => {
    if (take(end)) return true;
    do if (!skipMember()) return false;
    while (take(","));
    return take(end);
  };
  if (skipValue(0)) skip(SPACE);
  return position;
}
