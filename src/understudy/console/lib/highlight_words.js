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
