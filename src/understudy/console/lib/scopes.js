/** Scopes of a key as the choices of a form, and back. Knows no browser. */

/** What a key can be restricted to; `all` can only be read. */
export const RESOURCES = /** @type {const} */ (["all", "assistants", "threads", "files", "vector_stores", "responses", "chat", "batch", "containers",
  "videos", "models", "tools", "webhooks", "events", "transfers", "usage", "keys"]);
const READ_ALL = "api.all.read";
const CALL_MODELS = "model.request";

/**
 * @typedef {"all" | "read" | "restricted"} ScopeMode
 * @typedef {"" | "read" | "write"} Access writing includes reading
 * @typedef {{mode: ScopeMode, callsModels: boolean, access: Record<string, Access>}} ScopeChoice
 */

/** @param {readonly string[]} scopes empty: everything @returns {ScopeChoice} */
export function readScopes(scopes) {
  /** @type {Record<string, Access>} */
  const access = {};
  for (const scope of scopes) {
    const [, resource, kind] = /^api\.(\w+)\.(read|write)$/.exec(scope) ?? [];
    if (resource && access[resource] !== "write") access[resource] = /** @type {Access} */ (kind);
  }
  const mode = !scopes.length ? "all" : scopes.length === 1 && scopes[0] === READ_ALL ? "read" : "restricted";
  return { mode, callsModels: scopes.includes(CALL_MODELS), access };
}

/** @param {ScopeChoice} choice @returns {string[]} */
export function writeScopes({ mode, callsModels, access }) {
  if (mode === "all") return [];
  if (mode === "read") return [READ_ALL];
  const chosen = RESOURCES.filter((resource) => access[resource]).map((resource) => `api.${resource}.${access[resource]}`);
  return callsModels ? [...chosen, CALL_MODELS] : chosen;
}
