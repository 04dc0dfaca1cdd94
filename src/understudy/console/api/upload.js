/** Uploads of files with progress. Large ones go in parts, so that a failed part is sent again and not the whole file. */
import { API_URL } from "../app/base.js";
import { ApiError, authenticate, post } from "./client.js";

const PART_BYTES = 32 * 1024 * 1024;
const TRIES = 3;

/**
 * @typedef {object} UploadOptions
 * @property {(fraction: number) => void} [onProgress] from 0 to 1
 * @property {AbortSignal} [signal]
 */

/**
 * Stores a file of the reader's device; returns the file object. Raises ApiError, and AbortError if it is aborted.
 *
 * @param {File} file
 * @param {string} purpose such as `assistants`, `user_data`, `batch` or `vision`
 * @param {UploadOptions} [options]
 * @returns {Promise<any>}
 */
export async function uploadFile(file, purpose, options = {}) {
  if (file.size > PART_BYTES) return uploadParts(file, purpose, options);
  const form = new FormData();
  form.append("purpose", purpose);
  form.append("file", file);
  return send("/files", form, (sent) => options.onProgress?.(file.size ? Math.min(1, sent / file.size) : 1), options.signal);
}

/**
 * Starts an import of a file of the reader's device; returns the import. Raises as `uploadFile` does.
 *
 * @param {File} file
 * @param {{isDryRun: boolean, onConflict: string}} choices
 * @param {UploadOptions} [options]
 * @returns {Promise<any>}
 */
export async function uploadImport(file, { isDryRun, onConflict }, options = {}) {
  const form = new FormData();
  form.append("dry_run", String(isDryRun));
  form.append("on_conflict", onConflict);
  form.append("file", file);
  return send("/imports", form, (sent) => options.onProgress?.(file.size ? Math.min(1, sent / file.size) : 1), options.signal);
}

/** @param {File} file @param {string} purpose @param {UploadOptions} options */
async function uploadParts(file, purpose, { onProgress, signal }) {
  const upload = await post("/uploads", { filename: file.name, purpose, bytes: file.size, mime_type: file.type || "application/octet-stream" });
  const parts = [];
  try {
    for (let start = 0; start < file.size; start += PART_BYTES) {
      const part = file.slice(start, start + PART_BYTES);
      parts.push(await sendPart(upload.id, part, (sent) => onProgress?.(Math.min(1, (start + sent) / file.size)), signal));
    }
    return (await post(`/uploads/${upload.id}/complete`, { part_ids: parts })).file;
  } catch (error) {
    post(`/uploads/${upload.id}/cancel`).catch(() => undefined);
    throw error;
  }
}

/**
 * @param {string} upload
 * @param {Blob} part
 * @param {(sent: number) => void} onProgress
 * @param {AbortSignal | undefined} signal
 */
async function sendPart(upload, part, onProgress, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const form = new FormData();
    form.append("data", part);
    try {
      return (await send(`/uploads/${upload}/parts`, form, onProgress, signal)).id;
    } catch (error) {
      const isLost = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      if (!isLost || attempt === TRIES) throw error;
    }
  }
}

/**
 * By XMLHttpRequest, since fetch has no progress of uploads.
 *
 * @param {string} path
 * @param {FormData} form
 * @param {(sent: number) => void} onProgress
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<any>}
 */
function send(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", API_URL + path);
    for (const [name, value] of Object.entries(authenticate("project").headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(toError(request)));
    request.onerror = () => reject(new ApiError("The upload was interrupted.", { status: 0, code: "connection_error" }));
    request.onabort = () => reject(new DOMException("The upload was aborted.", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** @param {XMLHttpRequest} request */
function toError(request) {
  const error = request.response?.error ?? {};
  return new ApiError(error.message ?? `The server responded with status ${request.status}.`, {
    status: request.status, code: error.code ?? null, param: error.param ?? null, requestId: request.getResponseHeader("x-request-id"),
  });
}
