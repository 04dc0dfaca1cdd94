import { ApiError } from "../../api/client.js";
import { uploadFile } from "../../api/upload.js";
import { t } from "../../text/texts.js";
import { formatBytes } from "../../lib/format.js";
import { currentLocale } from "../../state/settings.js";
import { useServer } from "../server.js";
import { announce } from "../announce.js";
import { useEffect, useRef, useState } from "../view.js";

const MOST_AT_ONCE = 2;

/**
 * @typedef {{key: string, file: File, share: number, error: unknown, isWaiting: boolean}} Upload
 */

/** The size of the largest file, in bytes; null until it is known. @returns {number | null} */
export function useUploadLimit() {
  const limits = useServer()?.limits;
  return limits ? Math.max(limits.file_bytes, limits.upload_bytes) : null;
}

/** The error of a file that is too large to send, or null. @param {File} file @param {number | null} limit in bytes; null: unknown */
export function sizeError(file, limit) {
  if (limit === null || file.size <= limit) return null;
  return new ApiError(t("ui.too-large", { name: file.name, limit: formatBytes(limit, currentLocale()) }), { status: 413 });
}

/** A file that is too large is not sent. @param {File} file @param {string} key @param {number | null} limit @returns {Upload} */
function newUpload(file, key, limit) {
  const error = sizeError(file, limit);
  return { key, file, share: 0, error, isWaiting: error === null };
}

/** The uploads of a page: at most two run at once, a failed one stays until it is retried or dismissed.
 *
 * @param {string} purpose
 * @param {(file: any) => unknown} onUploaded may raise what made the file unusable
 */
export function useUploads(purpose, onUploaded) {
  const limit = useUploadLimit();
  const [uploads, setUploads] = useState(/** @type {readonly Upload[]} */ ([]));
  const state = useRef({ aborts: /** @type {Map<string, AbortController>} */ (new Map()), number: 0 });
  const { aborts } = state.current;
  useEffect(() => () => aborts.forEach((abort) => abort.abort()), []);
  const change = (/** @type {string} */ key, /** @type {Partial<Upload>} */ changes) => setUploads((old) => old.map((one) => (one.key === key ? { ...one, ...changes } : one)));
  const drop = (/** @type {string} */ key) => setUploads((old) => old.filter((one) => one.key !== key));
  const start = async (/** @type {Upload} */ { key, file }) => {
    const abort = new AbortController();
    aborts.set(key, abort);
    change(key, { isWaiting: false, error: null });
    try {
      await onUploaded(await uploadFile(file, purpose, { onProgress: (share) => change(key, { share }), signal: abort.signal }));
      announce(t("ui.uploaded", { name: file.name }));
      drop(key);
    } catch (error) {
      if (!abort.signal.aborted) change(key, { error, share: 0 });
    }
    aborts.delete(key);
    setUploads((old) => [...old]);
  };
  useEffect(() => {
    const free = MOST_AT_ONCE - aborts.size;
    for (const upload of uploads.filter((one) => one.isWaiting).slice(0, Math.max(free, 0))) start(upload);
  }, [uploads]);
  const add = (/** @type {File[]} */ files) => setUploads((old) => [...old, ...files.map((file) => newUpload(file, String(++state.current.number), limit))]);
  const stop = (/** @type {string} */ key) => {
    aborts.get(key)?.abort();
    drop(key);
  };
  return { uploads, add, stop, retry: (/** @type {Upload} */ upload) => change(upload.key, { isWaiting: true, error: null }) };
}
