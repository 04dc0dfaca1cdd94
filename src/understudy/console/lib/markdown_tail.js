/** Closes what the last, unfinished block has open, so that no `**` and no half link flashes while text arrives. */

/**
 * @param {string} tail the text of the unfinished block
 * @returns {string} text to render in its place
 */
export function closeTail(tail) {
  if (isInFence(tail)) return tail;
  let text = tail.replace(/(\n|^)[ \t]*([-+*]|#{1,6}|\d{1,9}[.)]|`{1,2}|[-=]{1,3})[ \t]*$/, "$1");
  text = text.replace(/!?\[([^\]\n]*)(\](\([^)\n]*)?)?$/, "$1");
  const code = (text.match(/`+/g) ?? []).length % 2 === 1;
  if (code) return `${text}\``;
  return closeEmphasis(text);
}

/** @param {string} text */
function isInFence(text) {
  return (text.match(/^ {0,3}(```+|~~~+)/gm) ?? []).length % 2 === 1;
}

/** Closes the marks that are open at the end; a mark that has just begun is left out. @param {string} text */
function closeEmphasis(text) {
  const body = text.replace(/(?<!\\)[*_~]+$/, "");
  const plain = body.replace(/`[^`]*`/g, (code) => " ".repeat(code.length)).replace(/\\./g, "  ");
  /** @type {string[]} */
  const open = [];
  for (const { 0: mark, index } of plain.matchAll(/\*{1,3}|~~|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)/g)) {
    const isAfterText = /\S/.test(plain[index - 1] ?? " ");
    if (isAfterText && open.at(-1) === mark) open.pop();
    else if (/\S/.test(plain[index + mark.length] ?? " ")) open.push(mark);
  }
  return open.length ? body.trimEnd() + open.reverse().join("") : body;
}
