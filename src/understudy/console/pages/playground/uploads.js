/** Files of a message while they are being uploaded. */
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { useEffect, useRef, useState } from "../../ui/view.js";

const loadUpload = () => import("../../api/upload.js");
const DATA = /\.(csv|tsv|xlsx?|json|jsonl|xml|py|zip|parquet|tar|gz)$/i;

/** @typedef {{key: number, name: string, file: File, share: number, error: unknown}} Upload */

/**
 * @param {{hasSearch: boolean, hasCode: boolean} | null} tools of the assistant; null: files are part of a message
 * @param {(file: import("../../lib/run_request.js").AttachedFile) => void} onUploaded
 */
export function useMessageUploads(tools, onUploaded) {
  const [uploads, setUploads] = useState(/** @type {readonly Upload[]} */ ([]));
  const state = useRef({ aborts: /** @type {Map<number, AbortController>} */ (new Map()), number: 0, onUploaded });
  state.current.onUploaded = onUploaded;
  const { aborts } = state.current;
  useEffect(() => () => aborts.forEach((abort) => abort.abort()), []);
  const change = (/** @type {number} */ key, /** @type {Partial<Upload>} */ changes) => setUploads((old) => old.map((one) => (one.key === key ? { ...one, ...changes } : one)));
  const drop = (/** @type {number} */ key) => {
    aborts.get(key)?.abort();
    aborts.delete(key);
    setUploads((old) => old.filter((one) => one.key !== key));
  };
  const start = async (/** @type {number} */ key, /** @type {File} */ file) => {
    const abort = new AbortController();
    aborts.set(key, abort);
    change(key, { error: null, share: 0 });
    const isImage = /^image\/(png|jpeg|gif|webp)$/.test(file.type);
    try {
      const { uploadFile } = await loadUpload();
      const stored = await uploadFile(file, isImage ? "vision" : tools ? "assistants" : "user_data", { onProgress: (share) => change(key, { share }), signal: abort.signal });
      state.current.onUploaded({ id: stored.id, name: file.name, isImage, tool: tools ? chooseTool(file.name, tools) : "" });
      announce(t("playground.uploaded", { name: file.name }));
      drop(key);
    } catch (error) {
      if (!abort.signal.aborted) change(key, { error });
    }
  };
  const add = (/** @type {File[]} */ files) => {
    const added = files.map((file) => ({ key: ++state.current.number, name: file.name, file, share: 0, error: null }));
    setUploads((old) => [...old, ...added]);
    for (const { key, file } of added) start(key, file);
  };
  return { uploads, add, drop, retry: (/** @type {Upload} */ upload) => start(upload.key, upload.file) };
}

/** @param {string} name @param {{hasSearch: boolean, hasCode: boolean}} tools */
function chooseTool(name, { hasSearch, hasCode }) {
  return hasCode && (!hasSearch || DATA.test(name)) ? "code_interpreter" : "file_search";
}
