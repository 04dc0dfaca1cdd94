/**
 * Who uses this tab: a project's key, an admin key, or both; or a person, whose session the server knows by a cookie that
 * scripts cannot read. Keys stay in session storage, and in no URL, log or text of a page.
 *
 * A link that opens in a new tab starts with empty storage, so a new tab asks the open ones for the keys.
 */
import { signal } from "../ui/view.js";

/**
 * @typedef {import("../lib/key_kinds.js").KeyKind} KeyKind
 * @typedef {{id: string, name: string, role: "owner" | "member"}} PersonProject
 * @typedef {{id: string, name: string | null, email: string | null, role: "owner" | "reader", projects: PersonProject[]}} User
 * @typedef {{user: User, projectId: string | null}} Person
 */

/** @type {readonly KeyKind[]} */
export const KEY_KINDS = ["project", "admin"];
const STORAGE = { project: "understudy.key", admin: "understudy.admin_key" };
const HANDOVER_MILLISECONDS = 150;
const IDLE_MILLISECONDS = 8 * 3_600_000;
const channel = new BroadcastChannel("understudy-console");

/** @type {import("../vendor/view.js").Signal<string | null>} */
export const apiKey = signal(null);
/** @type {import("../vendor/view.js").Signal<string | null>} */
const adminKey = signal(null);
const KEYS = { project: apiKey, admin: adminKey };
/** @type {import("../vendor/view.js").Signal<Person | null>} */
export const person = signal(null);
/** Whether the session of the person has ended while the page uses it. */
export const isSessionOver = signal(false);
/** The kind of key that the server has refused, while the page uses it. */
export const rejectedKind = signal(/** @type {KeyKind | null} */ (null));

/** @param {KeyKind} kind */
export const keyOf = (kind) => KEYS[kind].value;
/** @param {KeyKind} kind */
export const hasKey = (kind) => KEYS[kind].value !== null;
/** Whether this session may use what needs a kind of key, or the rights of a person in its place. @param {KeyKind} kind */
export function canUse(kind) {
  const current = person.value;
  return hasKey(kind) || (current !== null && (kind === "admin" ? current.user.role === "owner" : current.projectId !== null));
}
/** Whether the person owns the project of this tab, and so administers its users and keys. */
export const ownsProject = () => Boolean(person.value?.user.projects.some((one) => one.id === person.value?.projectId && one.role === "owner"));
export const isSignedIn = () => person.value !== null || KEY_KINDS.some(hasKey);

/** @param {KeyKind} kind @param {string} key */
export function addKey(kind, key) {
  KEYS[kind].value = key;
  sessionStorage.setItem(STORAGE[kind], key);
  if (rejectedKind.value === kind) rejectedKind.value = null;
}

/** @param {KeyKind} kind */
export function dropKey(kind) {
  sessionStorage.removeItem(STORAGE[kind]);
  KEYS[kind].value = null;
  if (rejectedKind.value === kind) rejectedKind.value = null;
}

export function endSession() {
  forget();
  channel.postMessage({ type: "sign-out" });
}

function forget() {
  KEY_KINDS.forEach(dropKey);
  person.value = null;
}

/** Restores the keys of this tab, or requests them from another tab. */
export async function restoreSession() {
  for (const kind of KEY_KINDS) KEYS[kind].value = sessionStorage.getItem(STORAGE[kind]);
  if (!isSignedIn()) await requestKeys();
  channel.addEventListener("message", answerOtherTab);
  watchIdle();
}

/** @returns {Promise<void>} */
function requestKeys() {
  return new Promise((resolve) => {
    /** @param {MessageEvent} event */
    const receive = ({ data }) => {
      if (data.type !== "keys") return;
      for (const kind of KEY_KINDS) if (data.keys[kind]) addKey(kind, data.keys[kind]);
      finish();
    };
    const finish = () => {
      clearTimeout(timer);
      channel.removeEventListener("message", receive);
      resolve();
    };
    const timer = setTimeout(finish, HANDOVER_MILLISECONDS);
    channel.addEventListener("message", receive);
    channel.postMessage({ type: "key-request" });
  });
}

/** @param {MessageEvent} event */
function answerOtherTab({ data }) {
  if (data.type === "sign-out") forget();
  else if (data.type === "key-request" && KEY_KINDS.some(hasKey)) channel.postMessage({ type: "keys", keys: { project: apiKey.value, admin: adminKey.value } });
}

/** Signs out a tab that nobody has used for hours. */
function watchIdle() {
  let used = Date.now();
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (used = Date.now()), { passive: true });
  setInterval(() => {
    if (KEY_KINDS.some(hasKey) && Date.now() - used > IDLE_MILLISECONDS) KEY_KINDS.forEach(dropKey);
  }, 60_000);
}
