/**
 * The beginning of a file as text, or null for other files: bytes that are not UTF-8, or controls that no text has.
 *
 * @param {Uint8Array} bytes whose last character may be cut
 */
export function decodeText(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return /[\u0000-\u0008\u000e-\u001a]/.test(text) ? null : text;
  } catch {
    return null;
  }
}
