/** Scopes of a key as the choices of a form, and back. Knows no browser. */

/** What a key can be restricted to; `all` can only be read. */
export const RESOURCES = /** @type {const} */ (["all", "assistants", "threads", "files", "vector_stores", "responses", "chat", "batch", "containers",
  "videos", "models", "tools", "webhooks", "events", "transfers", "usage", "keys"]);
/** The first segments of paths whose resource has another name. @type {Readonly<Record<string, string>>} */
const RESOURCE_OF_SEGMENT = { runs: "threads", imports: "transfers", exports: "transfers", deletions: "transfers", uploads: "files", batches: "batch",
  conversations: "responses", prompts: "responses", "luma-ai": "videos", webhook_endpoints: "webhooks", webhook_deliveries: "webhooks" };
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

/** The scope that changes objects at a path of the API. @param {string} path such as `/runs` */
export function writeScopeOf(path) {
  const segment = path.replace(/^\/api\/v3(?=\/)/, "").split("/")[1] ?? "";
  return `api.${RESOURCE_OF_SEGMENT[segment] ?? segment}.write`;
}
