/** Which kind of key a request needs: a project's key opens objects, an admin key opens administration. Knows no browser. */

/**
 * @typedef {"project" | "admin"} KeyKind
 * @typedef {Readonly<Record<KeyKind, boolean>>} HeldKeys which kinds a session has
 */

/** Reports that both kinds of keys may read, and the kind that shows what a reader expects of the page. */
/** @type {readonly (readonly [RegExp, KeyKind])[]} */
const SHARED = [
  [/^\/organization\/(health|providers)\b/, "admin"],
  [/^\/organization\/(costs|usage)\b/, "project"],
];

/**
 * @param {string} path below /v1
 * @param {HeldKeys} held
 * @returns {KeyKind}
 */
export function kindOfPath(path, held) {
  if (!path.startsWith("/organization/")) return "project";
  const preferred = SHARED.find(([pattern]) => pattern.test(path))?.[1];
  if (preferred === undefined) return "admin";
  return held[preferred] ? preferred : preferred === "admin" ? "project" : "admin";
}
