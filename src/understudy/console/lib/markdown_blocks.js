/**
 * Divides Markdown that is still growing: blocks that can no longer change, and the tail that can.
 *
 * A block ends at a blank line outside a fence if the next line continues no list, quote or indented code; and before and
 * after a fence that begins its lines, which no block contains.
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;
const CONTINUES = /^(\s|[-+*>]|\d{1,9}[.)])/;
const TABLE_HEAD = /^[^\n]*\|[^\n]*\n\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*\n/m;
/** A longer unfinished block is rendered in pieces, so that no frame has to render all of it. */
const MOST_TAIL = 8_192;

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
  let isOuter = false;
  let isBlank = false;
  const lastLine = text.lastIndexOf("\n") + 1;
  while (position < lastLine) {
    const next = text.indexOf("\n", position) + 1;
    const line = text.slice(position, next - 1).replace(/\r$/, "");
    const before = fence;
    fence = fenceAfter(line, fence);
    if (!before) {
      isOuter = fence !== "" && /^[`~]/.test(line);
      if (isOuter || (isBlank && line.trim() !== "" && !CONTINUES.test(line))) end = position;
    } else if (!fence && isOuter) end = next;
    isBlank = !fence && line.trim() === "";
    position = next;
  }
  return isBlank && startsBlock(text.slice(lastLine)) ? lastLine : end;
}

/** Whether text can define links, which changes blocks before the definition. @param {string} text */
export function hasDefinitions(text) {
  return DEFINITION.test(text);
}

/**
 * Where to divide a block that has become long, at a line or a word; `from` if it need not be divided. The pieces are
 * blocks of their own, so the whole text has to be rendered once it is complete.
 *
 * @param {string} text
 * @param {number} from where the block begins
 */
export function pieceEnd(text, from) {
  const most = from + MOST_TAIL;
  if (text.length <= most) return from;
  let end = text.lastIndexOf("\n", most) + 1;
  while (end > from && /[ \t\r\n]/.test(text[end] ?? "")) end = text.lastIndexOf("\n", end - 2) + 1;
  if (end <= from) end = text.lastIndexOf(" ", most) + 1;
  if (end > from) return end;
  return /[\uDC00-\uDFFF]/.test(text[most] ?? "") ? most - 1 : most;
}

/** The two lines of a table that name its columns, if the text ends with its rows. @param {string} text */
export function tableHead(text) {
  const lines = text.replace(/\n$/, "").split("\n");
  const first = lines.findLastIndex((line) => !line.includes("|")) + 1;
  return TABLE_HEAD.exec(`${lines.slice(first).join("\n")}\n`)?.[0] ?? "";
}

/**
 * The code of a fence that is still open, if the text is one; null for any other text. A last line that can still become
 * the end of the fence is left out.
 *
 * @param {string} text an unfinished block
 * @returns {{head: string, code: string} | null} `head` is the first line with its end
 */
export function openFence(text) {
  const head = /^(`{3,}|~{3,})[^\n]*\n/.exec(text);
  // A parser replaces these characters.
  if (!head || !fenceAfter(head[0].trimEnd(), "") || /[\r\0]/.test(text)) return null;
  const last = text.lastIndexOf("\n") + 1;
  const isMark = new RegExp(`^ {0,3}\\${text[0]}*[ \\t]*$`).test(text.slice(last));
  return { head: head[0], code: text.slice(head[0].length, isMark ? last : undefined) };
}

/**
 * The fence that a text begins with: its code, and how much of the text it is with its last line.
 *
 * @param {string} text
 */
export function closedFence(text) {
  const start = text.indexOf("\n") + 1;
  let fence = fenceAfter(text.slice(0, start).trimEnd(), "");
  let position = start;
  while (position < text.length) {
    const next = text.indexOf("\n", position) + 1 || text.length;
    fence = fenceAfter(text.slice(position, next).replace(/\n$/, ""), fence);
    if (!fence) return { code: text.slice(start, position), length: next };
    position = next;
  }
  return { code: text.slice(start), length: text.length };
}

/** Whether a line of the text can end a fence. @param {string} text */
export function hasFenceLine(text) {
  return /^ {0,3}(?:`{3,}|~{3,})[ \t]*$/m.test(text);
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
