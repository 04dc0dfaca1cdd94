/** Parts that most visits do not need: loaded when a component that uses them appears. */
import { explainLoadFailure } from "../api/client.js";
import { html, useEffect, useState } from "./view.js";

/** What is loaded, so that a later use of it is there with its first render: nothing moves then. @type {Map<() => Promise<any>, any>} */
const modules = new Map();

/**
 * @template T
 * @param {() => Promise<T>} load the first render's function is called; a constant of its module
 * @returns {T | null} null until it is loaded
 */
export function useModule(load) {
  const [module, setModule] = useState(/** @returns {T | null} */ () => modules.get(load) ?? null);
  useEffect(() => {
    if (module !== null) return undefined;
    let isCurrent = true;
    load().then(
      (loaded) => {
        modules.set(load, loaded);
        if (isCurrent) setModule(() => loaded);
      },
      // The banner says what is wrong.
      explainLoadFailure,
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

/**
 * The component that `load` loads, as one that can be named in a template.
 *
 * @param {() => Promise<any>} load
 */
export const lazy = (load) => (/** @type {any} */ props) => html`<${Lazy} load=${load} ...${props} />`;
