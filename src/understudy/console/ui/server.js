/** What the server offers to who is signed in: features that are off, limits, its version. Loaded once a key or project. */
import { get } from "../api/client.js";
import { apiKey, person } from "../state/session.js";
import { signal, useEffect } from "./view.js";

/**
 * @typedef {{available: boolean | null, reason: string | null}} Feature
 * @typedef {{version: string, project: {id: string, name: string}, key: any, balance: {is_limited: boolean, amount: number, is_low: boolean},
 *   features: Record<string, Feature>, limits: {file_bytes: number, upload_bytes: number, import_bytes: number},
 *   retention: {run_events_seconds: number, videos_days: number | null}}} Server
 */

const server = signal(/** @type {Server | null} */ (null));
let loadedFor = "";

/** Null until it is known; pages work without it. @returns {Server | null} */
export function useServer() {
  const key = apiKey.value ?? person.value?.projectId ?? "";
  useEffect(() => {
    if (!key || loadedFor === key) return;
    loadedFor = key;
    server.value = null;
    get("/session").then(
      (session) => { server.value = session; },
      () => { loadedFor = ""; },
    );
  }, [key]);
  return server.value;
}
