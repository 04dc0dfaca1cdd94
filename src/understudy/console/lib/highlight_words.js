/** Where the words of a search are in a text. Knows no browser. */

/**
 * The text in pieces. A word counts where it begins a word of the text, in any case: `refund` is in `Refunding`.
 *
 * @param {string} text
 * @param {string} query
 * @returns {{text: string, isHit: boolean}[]}
 */
export function splitAtWords(text, query) {
  const words = [...new Set(query.match(/[\p{L}\p{N}]+/gu) ?? [])].filter((word) => word.length > 1);
  if (!words.length) return [{ text, isHit: false }];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.sort((a, b) => b.length - a.length).join("|")})[\\p{L}\\p{N}]*`, "giu");
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), isHit: false });
    pieces.push({ text: match[0], isHit: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isHit: false });
  return pieces;
}

const BEFORE = 60;
const LENGTH = 240;

/**
 * The part of a text around the first of the words, on one line.
 *
 * @param {string} text
 * @param {string} query
 */
export function excerptOf(text, query) {
  const line = text.replace(/\s+/g, " ").trim();
  const pieces = splitAtWords(line, query);
  const first = pieces.findIndex((piece) => piece.isHit);
  const at = pieces.slice(0, Math.max(first, 0)).reduce((sum, piece) => sum + piece.text.length, 0);
  const start = at <= BEFORE ? 0 : line.indexOf(" ", at - BEFORE) + 1 || at - BEFORE;
  return `${start ? "…" : ""}${line.slice(start, start + LENGTH)}${start + LENGTH < line.length ? "…" : ""}`;
}
