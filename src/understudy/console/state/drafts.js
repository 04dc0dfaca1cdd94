/** What the reader has typed and not yet sent, in this browser. A draft survives a reload, an error and a closed tab. */
import { useEffect, useRef, useState } from "../ui/view.js";

const WRITE_MILLISECONDS = 300;
/** @type {Promise<IDBDatabase> | null} */
let opening = null;

function openDatabase() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("understudy-console", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("drafts");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>} undefined if this browser stores nothing
 */
async function run(mode, act) {
  try {
    const database = await openDatabase();
    return await new Promise((resolve, reject) => {
      const request = act(database.transaction("drafts", mode).objectStore("drafts"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } catch {
    return undefined;
  }
}

/** Prefix of what a page that was left could not store in time; session storage is synchronous. */
const LEFT = "understudy.draft.";

/** @param {string} name @returns {Promise<any>} undefined without a draft */
export async function readDraft(name) {
  const left = sessionStorage.getItem(LEFT + name);
  if (left === null) return run("readonly", (store) => store.get(name));
  sessionStorage.removeItem(LEFT + name);
  const value = JSON.parse(left);
  await writeDraft(name, value);
  return value;
}

/** @param {string} name @param {unknown} value */
export const writeDraft = (name, value) => run("readwrite", (store) => store.put(value, name));
/** @param {string} name */
export const clearDraft = (name) => run("readwrite", (store) => store.delete(name));
export const clearDrafts = () => run("readwrite", (store) => store.clear());

/**
 * A value that is stored 300 ms after each change, and when the page is left. Call `clear` after the server's 2xx.
 *
 * @template T
 * @param {string} name such as `thread_1/message`
 * @param {T} initial
 * @returns {{value: T, set: (value: T) => void, clear: () => void, isRestored: boolean, isReady: boolean}} `isReady` once what
 *   is stored has been read
 */
export function useDraft(name, initial) {
  const [value, setValue] = useState(initial);
  const [isRestored, setRestored] = useState(false);
  const [isReady, setReady] = useState(false);
  const pending = useRef(/** @type {{timer: number, write: () => void, value: T} | null} */ (null));
  const current = useRef(name);
  useEffect(() => {
    let isCurrent = true;
    if (current.current !== name) {
      current.current = name;
      setValue(initial);
      setRestored(false);
      setReady(false);
    }
    readDraft(name).then((stored) => {
      if (isCurrent) setReady(true);
      if (!isCurrent || stored === undefined || pending.current) return;
      setValue(stored);
      setRestored(true);
    });
    const flush = () => pending.current?.write();
    const leave = () => {
      if (pending.current) sessionStorage.setItem(LEFT + name, JSON.stringify(pending.current.value));
    };
    addEventListener("pagehide", leave);
    return () => {
      isCurrent = false;
      removeEventListener("pagehide", leave);
      flush();
    };
  }, [name]);
  /** @param {T} next */
  const set = (next) => {
    setValue(next);
    clearTimeout(pending.current?.timer);
    const write = () => {
      clearTimeout(pending.current?.timer);
      pending.current = null;
      writeDraft(name, next);
    };
    pending.current = { timer: setTimeout(write, WRITE_MILLISECONDS), write, value: next };
  };
  const clear = () => {
    clearTimeout(pending.current?.timer);
    pending.current = null;
    setValue(initial);
    setRestored(false);
    clearDraft(name);
  };
  return { value, set, clear, isRestored, isReady };
}
