/** Parts that most visits do not need: loaded when a component that uses them appears. */
import { isOutdated } from "../state/connection.js";
import { html, useEffect, useState } from "./view.js";

/**
 * @template T
 * @param {() => Promise<T>} load the first render's function is called
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
  }, []);
  return module;
}

/**
 * A component that is loaded when it is rendered first. Nothing is there until then, or `before`.
 *
 * @param {{load: () => Promise<any>, before?: any, [property: string]: any}} props the others are those of the component
 */
export function Lazy({ load, before = null, ...props }) {
  const component = useModule(load);
  return component ? html`<${component} ...${props} />` : before;
}
