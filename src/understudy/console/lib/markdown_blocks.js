/**
 * Divides Markdown that is still growing: blocks that can no longer change, and the tail that can.
 *
 * A block ends at a blank line outside a fence if the next line continues no list, quote, table or indented code.
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;
const CONTINUES = /^(\s|[-+*>|]|\d{1,9}[.)])/;

/**
 * The end of the last block of `text` that later text cannot change: `text.slice(from, end)` is whole blocks.
 *
 * @param {string} text
 * @param {number} from where the first unfinished block begins
 */
export function frozenEnd(text, from) {
  let end = from;
  let position = from;
  let fence = "";
  let isBlank = false;
  const lastLine = text.lastIndexOf("\n") + 1;
  while (position < lastLine) {
    const next = text.indexOf("\n", position) + 1;
    const line = text.slice(position, next - 1).replace(/\r$/, "");
    if (isBlank && !fence && line.trim() !== "" && !CONTINUES.test(line)) end = position;
    fence = fenceAfter(line, fence);
    isBlank = !fence && line.trim() === "";
    position = next;
  }
  return isBlank && startsBlock(text.slice(lastLine)) ? lastLine : end;
}

/** Whether text can define links, which changes blocks before the definition. @param {string} text */
export function hasDefinitions(text) {
  return DEFINITION.test(text);
}

/** Whether an unfinished line can only begin a new paragraph. @param {string} line */
function startsBlock(line) {
  return /^[\p{L}]/u.test(line);
}

/** The open fence after a line, or the empty string. @param {string} line @param {string} fence */
function fenceAfter(line, fence) {
  const mark = FENCE.exec(line)?.[1];
  if (!mark) return fence;
  if (!fence) return mark.startsWith("`") && line.slice(line.indexOf(mark) + mark.length).includes("`") ? "" : mark;
  const isClosing = mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark;
  return isClosing ? "" : fence;
}
