/** Downloads: contents are fetched with the key and saved through an object URL. */
import { open } from "../api/client.js";
import { safeFilename } from "../lib/filename.js";

/** @param {Blob} blob @param {string} filename */
export function downloadBlob(blob, filename) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = safeFilename(filename);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {string} text @param {string} filename */
export function downloadText(text, filename) {
  downloadBlob(new Blob([text], { type: "text/plain;charset=utf-8" }), filename);
}

/**
 * Raises ApiError.
 *
 * @param {string} path of the content, such as `/files/file-1/content`
 * @param {string} filename
 */
export async function downloadPath(path, filename) {
  const response = await open("GET", path);
  downloadBlob(await response.blob(), filename);
}
