/** Imports a module of the console by its path below the package's folder. */
export const load = (path) => import(new URL(`../../../src/understudy/console/${path}`, import.meta.url));
