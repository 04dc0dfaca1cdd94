/** Chunks of a file, whose neighbours overlap. Knows no browser. */

/** @typedef {{index: number, start: number, end: number, text: string, page?: number, heading_path?: string[], table_header?: string}} Chunk */

/**
 * The texts of consecutive chunks such that no text is there twice: the chunk `focus` is whole, those before it end
 * where the next one starts, and those behind it start where the one before ends. Offsets are code points.
 *
 * @param {readonly Chunk[]} chunks
 * @param {number | null} focus the index of the whole chunk; null is the first one
 * @returns {string[]}
 */
export function trimOverlaps(chunks, focus) {
  const whole = focus ?? chunks[0]?.index ?? 0;
  return chunks.map((chunk, place) => {
    const before = chunks[place - 1];
    const after = chunks[place + 1];
    const start = chunk.index > whole && before ? Math.max(chunk.start, before.end) : chunk.start;
    const end = chunk.index < whole && after ? Math.min(chunk.end, after.start) : chunk.end;
    return sliceCodePoints(chunk.text, start - chunk.start, end - chunk.start);
  });
}

/** @param {string} text @param {number} start @param {number} end */
function sliceCodePoints(text, start, end) {
  return start <= 0 && end >= text.length ? text : [...text].slice(Math.max(0, start), Math.max(0, end)).join("");
}
