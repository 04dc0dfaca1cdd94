import { html, useEffect, useState } from "./view.js";

/**
 * A component that is loaded when it is rendered first, since few pages need it. Nothing is there until then.
 *
 * @param {{load: () => Promise<any>, [property: string]: any}} props all but `load` are those of the component
 */
export function Lazy({ load, ...props }) {
  const [Component, setComponent] = useState(/** @type {any} */ (null));
  useEffect(() => {
    load().then((component) => setComponent(() => component));
  }, []);
  return Component && html`<${Component} ...${props} />`;
}
