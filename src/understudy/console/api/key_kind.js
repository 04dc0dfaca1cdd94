import { ApiError, request } from "./client.js";

/**
 * The kind of a key, from the server. Raises ApiError for a key that it does not know.
 *
 * @param {string} key
 * @returns {Promise<import("../lib/key_kinds.js").KeyKind>}
 */
export async function findKeyKind(key) {
  try {
    await request("GET", "/key", { key });
    return "project";
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "missing_scope") throw error;
  }
  await request("GET", "/organization/admin_api_keys", { key, query: { limit: 1 } });
  return "admin";
}
