/** Downloads: contents are fetched with the key and saved through an object URL. */
import { open, post } from "../api/client.js";
import { API_URL } from "../app/base.js";
import { safeFilename } from "../lib/filename.js";

/** @param {Blob} blob @param {string} filename */
function downloadBlob(blob, filename) {
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

const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * Saves a file. A large one never is in the memory of the page: the browser loads it from a link that works once.
 * Raises ApiError.
 *
 * @param {{id: string, filename: string, bytes: number}} file
 * @param {string} [path] of its object
 */
export async function downloadFile(file, path = `/files/${encodeURIComponent(file.id)}`) {
  if (file.bytes < LARGE_BYTES) return downloadPath(`${path}/content`, file.filename);
  const { url } = await post(`${path}/download_link`);
  const link = document.createElement("a");
  // Behind a proxy, the server may not know its own address.
  link.href = `${API_URL}/file_downloads/${encodeURIComponent(url.split("/").at(-1))}`;
  link.download = safeFilename(file.filename);
  link.rel = "noreferrer";
  link.click();
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
