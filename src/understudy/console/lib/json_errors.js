/** Parses JSON that a person writes, with the place of its first error. */

/**
 * @typedef {{ok: true, value: any} | {ok: false, message: string, line: number}} ParsedJson `line` counts from 1
 */

/**
 * @param {string} text
 * @returns {ParsedJson}
 */
export function parseJson(text) {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, message: message.replace(/ in JSON at position.*$| \(line.*$/s, ""), line: errorLine(message, text) };
  }
}

/** @param {string} message @param {string} text */
function errorLine(message, text) {
  const line = /line (\d+)/.exec(message)?.[1];
  if (line) return Number(line);
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
  return text.slice(0, position).trimEnd().split("\n").length;
}
