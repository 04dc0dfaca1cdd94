/** Calls of web search as items have them. */

/** What was done, and what was found: with texts where they are included. @param {any} item @returns {{action: any, results: readonly any[]}} */
export function toWebCall(item) {
  return { action: item.action ?? {}, results: item.results ?? item.action?.sources ?? [] };
}
