/** Where the words of a search are in a text. Knows no browser. */

/**
 * The text in pieces. A word counts where it begins a word of the text, in any case: `refund` is in `Refunding`.
 *
 * @param {string} text
 * @param {string} query
 * @returns {{text: string, isHit: boolean}[]}
 */
export function splitAtWords(text, query) {
  const pattern = patternOf(query);
  if (!pattern) return [{ text, isHit: false }];
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

/** What matches the words of a query in a text; null without words. @param {string} query */
function patternOf(query) {
  const words = [...new Set(query.match(/[\p{L}\p{N}]+/gu) ?? [])].filter((word) => word.length > 1);
  if (!words.length) return null;
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.sort((a, b) => b.length - a.length).join("|")})[\\p{L}\\p{N}]*`, "giu");
}

const BEFORE = 60;
const LENGTH = 240;
/** How much of a text is read on each side of the word: it can have many blanks, and millions of characters. */
const WINDOW = 2_000;

/**
 * The part of a text around the first of the words, on one line.
 *
 * @param {string} text
 * @param {string} query
 */
export function excerptOf(text, query) {
  const hit = patternOf(query)?.exec(text)?.index ?? 0;
  const from = Math.max(hit - WINDOW, 0);
  const line = text.slice(from, hit + WINDOW).replace(/\s+/g, " ").trim();
  const at = patternOf(query)?.exec(line)?.index ?? 0;
  const start = at <= BEFORE ? 0 : line.indexOf(" ", at - BEFORE) + 1 || at - BEFORE;
  const isCut = start + LENGTH < line.length || hit + WINDOW < text.length;
  return `${start || from ? "…" : ""}${line.slice(start, start + LENGTH)}${isCut ? "…" : ""}`;
}
