/** Modules that most visits do not need: loaded when a component that uses them appears. */
import { isOutdated } from "../state/connection.js";
import { useEffect, useState } from "./view.js";

/**
 * @template T
 * @param {() => Promise<T>} load the same function at each render
 * @returns {T | null} null until it is loaded
 */
export function useModule(load) {
  const [module, setModule] = useState(/** @type {T | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    load().then(
      (loaded) => isCurrent && setModule(() => loaded),
      // A file of another version is gone.
      () => { isOutdated.value = true; },
    );
    return () => {
      isCurrent = false;
    };
  }, [load]);
  return module;
}
