/** The marks of an answer's citations as numbers of its sources. Knows no browser. */

/**
 * @typedef {{id: string, number: number, name: string | null}} Source `name` is the file's, where the mark has it
 */

/**
 * The text with each mark as `[1]`, and its sources in the order of their first mark; a file has one number.
 *
 * @param {string} text
 * @param {readonly any[]} annotations of the API
 * @returns {{text: string, sources: Source[]}}
 */
export function numberCitations(text, annotations) {
  /** @type {Map<string, Source>} */
  const sources = new Map();
  let numbered = text;
  for (const { text: mark, file_citation: citation } of annotations) {
    const id = citation?.file_id;
    if (!id || !mark) continue;
    const name = /†([^】]+)】$/.exec(mark)?.[1] ?? null;
    const source = sources.get(id) ?? { id, number: sources.size + 1, name };
    sources.set(id, source);
    numbered = numbered.replaceAll(mark, ` [${source.number}]`);
  }
  return { text: numbered, sources: [...sources.values()] };
}
