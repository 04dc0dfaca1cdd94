/** One object of the API, loaded for a component. */
import { get } from "../api/client.js";
import { useCallback, useLayoutEffect, useState } from "./view.js";

/**
 * @template T
 * @typedef {{data: T | null, error: unknown, isLoading: boolean, reload: () => void, set: (data: T) => void}} Resource
 */

/**
 * Loads an object again whenever its path or query changes; null loads nothing.
 *
 * @param {string | null} path
 * @param {Record<string, any>} [query]
 * @returns {Resource<any>}
 */
export function useResource(path, query = {}) {
  const [state, setState] = useState({ data: /** @type {any} */ (null), error: /** @type {unknown} */ (null), isLoading: path !== null });
  const [round, setRound] = useState(0);
  const key = path + JSON.stringify(query);
  // The request leaves before the first paint.
  useLayoutEffect(() => {
    if (path === null) {
      setState({ data: null, error: null, isLoading: false });
      return undefined;
    }
    const abort = new AbortController();
    setState((old) => ({ ...old, isLoading: true }));
    get(path, query, abort.signal).then(
      (data) => abort.signal.aborted || setState({ data, error: null, isLoading: false }),
      (error) => abort.signal.aborted || setState((old) => ({ ...old, error, isLoading: false })),
    );
    return () => abort.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((old) => old + 1), []);
  const set = useCallback((/** @type {any} */ data) => setState({ data, error: null, isLoading: false }), []);
  return { ...state, reload, set };
}
