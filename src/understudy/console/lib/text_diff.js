/** The words that two texts do not share. Knows no browser. */

/** @typedef {{kind: "same" | "removed" | "added", text: string}} DiffPart */

/** The most comparisons of one text with another: 2,000 words with 2,000. */
const MOST_CELLS = 4_000_000;

/**
 * What leads from one text to another, in their order; texts that are too long are compared at their ends alone.
 *
 * @param {string} before
 * @param {string} after
 * @returns {DiffPart[]}
 */
export function diffWords(before, after) {
  const a = splitWords(before);
  const b = splitWords(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return joinParts([
    { kind: "same", text: a.slice(0, start).join("") },
    ...diffMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    { kind: "same", text: a.slice(a.length - end).join("") },
  ]);
}

/** Words and the space between them. @param {string} text */
function splitWords(text) {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/** By the longest common subsequence. @param {string[]} a @param {string[]} b @returns {DiffPart[]} */
function diffMiddle(a, b) {
  if (!a.length || !b.length || a.length * b.length > MOST_CELLS) return [{ kind: "removed", text: a.join("") }, { kind: "added", text: b.join("") }];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const next = (i + 1) * width + j;
      lengths[i * width + j] = a[i] === b[j] ? (lengths[next + 1] ?? 0) + 1 : Math.max(lengths[next] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  /** @type {DiffPart[]} */
  const parts = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      parts.push({ kind: "same", text: a[i++] ?? "" });
      j += 1;
    } else if (j >= b.length || (i < a.length && (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))) parts.push({ kind: "removed", text: a[i++] ?? "" });
    else parts.push({ kind: "added", text: b[j++] ?? "" });
  }
  return parts;
}

/** Neighbours of one kind are one part. @param {DiffPart[]} parts @returns {DiffPart[]} */
function joinParts(parts) {
  /** @type {DiffPart[]} */
  const joined = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (!part.text) continue;
    if (last?.kind === part.kind) last.text += part.text;
    else joined.push({ ...part });
  }
  return joined;
}
