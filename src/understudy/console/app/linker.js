/** Runs modules that arrive joined in one file (`bundles.py`): each once, when another one first needs it. */

/**
 * @typedef {(run: (path: string) => any, load: (specifier: string) => Promise<any>, meta: {url: string}) => any} ModuleFunction
 *   returns the exports, or a promise of them
 */

/** @param {string} root the URL of the console's files, with a slash at its end */
export function createLinker(root) {
  /** @type {Map<string, ModuleFunction>} */
  const functions = new Map();
  /** @type {Map<string, any>} */
  const modules = new Map();
  /** Two files may bring the same module. @param {string} path @param {ModuleFunction} body */
  const define = (path, body) => {
    if (!functions.has(path)) functions.set(path, body);
  };
  /** @param {string} path @returns {any} */
  const run = (path) => {
    const body = functions.get(path);
    if (!modules.has(path) && body) {
      const url = root + path;
      modules.set(path, body(run, (specifier) => load(new URL(specifier, url).href.slice(root.length)), { url }));
    }
    return modules.get(path);
  };
  /** @param {string} path */
  const load = async (path) => {
    if (!functions.has(path)) (await import(`${root}bundles/${path}`)).default(define);
    return run(path);
  };
  return { define, run };
}
