/** Requests to the API: one place that adds the key, retries reads, and turns failures into errors in words. */
import { API_URL, ASSETS, SERVER_URL } from "../app/base.js";
import { kindOfPath } from "../lib/key_kinds.js";
import { buildQuery } from "../lib/paths.js";
import { connection, isOutdated } from "../state/connection.js";
import { canUse, hasKey, isSessionOver, keyOf, person, rejectedKind } from "../state/session.js";

const RETRY_MILLISECONDS = [300, 1_000];
const RETRIED = new Set([502, 503, 504]);

export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{status: number, code?: string | null, param?: string | null, requestId?: string | null,
   *   retryAfter?: number | null}} details status 0: the server could not be reached
   */
  constructor(message, { status, code = null, param = null, requestId = null, retryAfter = null }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.param = param;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/**
 * @typedef {{query?: Parameters<typeof buildQuery>[0], body?: unknown, signal?: AbortSignal,
 *   headers?: Record<string, string>, key?: string, kind?: import("../lib/key_kinds.js").KeyKind}} RequestOptions `kind` of the
 *   session's key, for paths that both kinds may read
 */

/**
 * The unread response of a request. Raises ApiError.
 *
 * @param {string} method
 * @param {string} path below /v1, such as `/threads`
 * @param {RequestOptions} [options] a FormData or Blob as `body` is sent as it is, everything else as JSON
 * @returns {Promise<Response>}
 */
export async function open(method, path, { query = {}, body, signal, headers = {}, key, kind: chosen } = {}) {
  const kind = chosen ?? kindOfPath(path, { project: canUse("project"), admin: canUse("admin") });
  const isRaw = body instanceof FormData || body instanceof Blob;
  const { credentials, headers: authentication } = authenticate(kind, key);
  /** @type {RequestInit} */
  const init = { method, signal: signal ?? null, cache: "no-store", credentials, headers: {
    ...authentication,
    ...(body === undefined || isRaw ? {} : { "content-type": "application/json" }),
    ...headers,
  } };
  if (body !== undefined) init.body = isRaw ? /** @type {BodyInit} */ (body) : JSON.stringify(body);
  const url = baseOf(path) + path + buildQuery(query);
  const waits = method === "GET" ? RETRY_MILLISECONDS : [];
  for (const wait of [...waits, null]) {
    const response = await fetchOnce(url, init, wait === null);
    if (response && (wait === null || !RETRIED.has(response.status))) return checkResponse(response, key === undefined ? kind : null);
    await new Promise((resolve) => setTimeout(resolve, wait ?? 0));
  }
  throw new Error("unreachable");
}

/**
 * What a request is authenticated with: the key of its kind, or the cookie of the person, who acts in a project.
 *
 * @param {import("../lib/key_kinds.js").KeyKind} kind
 * @param {string} [key] instead of that of the session
 * @returns {{credentials: RequestCredentials, headers: Record<string, string>}}
 */
export function authenticate(kind, key) {
  const own = key ?? keyOf(kind);
  if (own !== null) return { credentials: "omit", headers: { authorization: `Bearer ${own}` } };
  const projectId = kind === "project" && person.value?.projectId;
  return { credentials: "same-origin", headers: projectId ? { "openai-project": projectId } : {} };
}

/** The base URL of a path: `/api/…` are the tools for agents, `/auth/…` the sign-in, all else is below /v1. @param {string} path */
export function baseOf(path) {
  return path.startsWith("/api/") || path.startsWith("/auth/") ? SERVER_URL : API_URL;
}

/**
 * @param {string} url
 * @param {RequestInit} init
 * @param {boolean} isLast
 */
async function fetchOnce(url, init, isLast) {
  try {
    const response = await fetch(url, init);
    connection.value = "online";
    return response;
  } catch (error) {
    if (init.signal?.aborted) throw error;
    if (!isLast) return null;
    throw reportAbsence();
  }
}

function reportAbsence() {
  connection.value = "offline";
  return new ApiError("The server cannot be reached.", { status: 0, code: "connection_error" });
}

/**
 * Why a module of the console could not be loaded: the server is away, or has the files of a newer version.
 *
 * @param {unknown} failure of the import
 * @returns {Promise<unknown>} the error to show
 */
export async function explainLoadFailure(failure) {
  const response = await fetch(`${ASSETS}app/main.js`, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (response === null) return reportAbsence();
  connection.value = "online";
  if (response.status === 404) isOutdated.value = true;
  return failure;
}

/**
 * @param {Response} response
 * @param {import("../lib/key_kinds.js").KeyKind | null} kind of the session's key that the request used
 */
async function checkResponse(response, kind) {
  if (response.ok) return response;
  const { error = {} } = await response.json().catch(() => ({}));
  if (response.status === 401 && error.code !== "missing_scope" && kind) reportRefusal(kind);
  throw new ApiError(error.message ?? `The server responded with status ${response.status}.`, {
    status: response.status,
    code: error.code ?? null,
    param: error.param ?? null,
    requestId: response.headers.get("x-request-id"),
    retryAfter: Number(response.headers.get("retry-after")) || null,
  });
}

/** @param {import("../lib/key_kinds.js").KeyKind} kind */
function reportRefusal(kind) {
  if (hasKey(kind)) rejectedKind.value = kind;
  else if (person.value) isSessionOver.value = true;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<any>} the parsed JSON
 */
export async function request(method, path, options) {
  const response = await open(method, path, options);
  return response.status === 204 ? null : response.json();
}

/** @param {string} path @param {RequestOptions["query"]} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => request("GET", path, { query: query ?? {}, ...(signal ? { signal } : {}) });
/** @param {string} path @param {unknown} [body] */
export const post = (path, body = {}) => request("POST", path, { body });
/** @param {string} path */
export const remove = (path) => request("DELETE", path);
