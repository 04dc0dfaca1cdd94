/**
 * The API key of this tab. It stays in session storage, and in no URL, log or text of a page.
 *
 * A link that opens in a new tab starts with empty storage, so a new tab asks the open ones for the key.
 */
import { signal } from "../ui/view.js";

const STORAGE = "understudy.key";
const HANDOVER_MILLISECONDS = 150;
const IDLE_MILLISECONDS = 8 * 3_600_000;
const channel = new BroadcastChannel("understudy-console");

/** @typedef {{key: string, object: string, [member: string]: any}} KeyInfo */
/** @type {import("../vendor/signals.js").Signal<string | null>} */
export const apiKey = signal(null);
/** Whether the server has refused the key that the page uses. */
export const isRejected = signal(false);

/** @param {string} key */
export function startSession(key) {
  apiKey.value = key;
  isRejected.value = false;
  sessionStorage.setItem(STORAGE, key);
}

export function endSession() {
  forgetKey();
  channel.postMessage({ type: "sign-out" });
}

function forgetKey() {
  sessionStorage.removeItem(STORAGE);
  apiKey.value = null;
  isRejected.value = false;
}

/** Restores the key of this tab, or requests it from another tab. */
export async function restoreSession() {
  const stored = sessionStorage.getItem(STORAGE);
  if (stored) apiKey.value = stored;
  else await requestKey();
  channel.addEventListener("message", answerOtherTab);
  watchIdle();
}

/** @returns {Promise<void>} */
function requestKey() {
  return new Promise((resolve) => {
    /** @param {MessageEvent} event */
    const receive = ({ data }) => {
      if (data.type !== "key") return;
      startSession(data.key);
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
  if (data.type === "sign-out") forgetKey();
  else if (data.type === "key-request" && apiKey.value) channel.postMessage({ type: "key", key: apiKey.value });
}

/** Signs out a tab that nobody has used for hours. */
function watchIdle() {
  let used = Date.now();
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (used = Date.now()), { passive: true });
  setInterval(() => {
    if (apiKey.value && Date.now() - used > IDLE_MILLISECONDS) forgetKey();
  }, 60_000);
}
