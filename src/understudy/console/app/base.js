/** Where the console and the API are, also behind a proxy that serves both below a path. */

const mount = new URL("../../../", import.meta.url);

/** The path of the console, with a slash at its end. */
export const MOUNT = mount.pathname;
/** The base URL of the API, without a slash at its end. */
export const API_URL = new URL("../v1", mount).href;
/** The URL of the server itself, without a slash at its end. */
export const SERVER_URL = new URL("../", mount).href.replace(/\/$/, "");
/** The folder of this version's files, with a slash at its end. */
export const ASSETS = new URL("../", import.meta.url).pathname;
