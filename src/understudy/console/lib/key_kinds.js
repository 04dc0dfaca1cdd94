/** Which kind of key a request needs: a project's key opens objects, an admin key opens administration. Knows no browser. */

/** @typedef {"project" | "admin"} KeyKind */

/** Reports that both kinds of keys may read. */
const SHARED = /^\/organization\/(health|costs|usage)\b/;

/**
 * @param {string} path below /v1
 * @param {boolean} hasProjectKey whether the session has a project's key, which shared reports prefer
 * @returns {KeyKind}
 */
export function kindOfPath(path, hasProjectKey) {
  if (!path.startsWith("/organization/")) return "project";
  return SHARED.test(path) && hasProjectKey ? "project" : "admin";
}
