/** Follows a stream of server-sent events, and resumes it by event number after a drop. */
import { EventParser } from "../lib/event_parser.js";
import { signal } from "../ui/view.js";
import { ApiError, open } from "./client.js";

const WAITS = [0, 500, 1_000, 2_000, 5_000, 10_000];
const IDLE_MILLISECONDS = 30_000;

/** The number of streams that try to connect again. */
export const reconnecting = signal(0);

/**
 * @typedef {object} Follow
 * @property {string} path of the stream, such as `/threads/t/runs/r/events`
 * @property {Record<string, string>} [query]
 * @property {string} [after] the number of the last known event
 * @property {(event: import("../lib/event_parser.js").ServerEvent) => void} onEvent several events can share a number,
 *   and after a drop some can repeat, so apply them by the id of their object
 * @property {AbortSignal} signal
 * @property {(event: import("../lib/event_parser.js").ServerEvent) => number | undefined} [numberOf] the number of an event
 *   whose stream has none in its `id`
 * @property {() => void} [onRestart] called before the stream begins at its start again, since the server cannot resume it
 */

/**
 * Resolves when the stream has ended with `done`. Raises ApiError if the server refuses it.
 *
 * @param {Follow} follow
 */
export async function followEvents(follow) {
  let after = follow.after ?? "";
  let failures = 0;
  while (!follow.signal.aborted) {
    try {
      for await (const event of readEvents({ ...follow, after })) {
        failures = 0;
        if (event.event === "done" || event.data === "[DONE]") return;
        follow.onEvent(event);
        const number = event.id ?? follow.numberOf?.(event);
        if (number !== undefined) after = String(number);
        if (follow.signal.aborted) return;
      }
    } catch (error) {
      if (follow.signal.aborted) return;
      if (follow.onRestart && after && error instanceof ApiError && error.param === "starting_after") {
        after = "";
        follow.onRestart();
        continue;
      }
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    await wait(failures++, follow.signal);
  }
}

/**
 * @param {number} failures
 * @param {AbortSignal} abort
 */
async function wait(failures, abort) {
  const time = WAITS[Math.min(failures, WAITS.length - 1)] ?? 0;
  reconnecting.value += 1;
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, time * (0.8 + Math.random() * 0.4));
    const wake = () => {
      clearTimeout(timer);
      resolve(null);
    };
    abort.addEventListener("abort", wake, { once: true });
    addEventListener("online", wake, { once: true });
  });
  reconnecting.value -= 1;
}

/** @param {Follow & {after: string}} follow */
async function* readEvents({ path, query = {}, after, signal: abort }) {
  const idle = new AbortController();
  const response = await open("GET", path, {
    query: { ...query, starting_after: after },
    headers: { accept: "text/event-stream" },
    signal: AbortSignal.any([abort, idle.signal]),
  });
  const parser = new EventParser();
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let timer = setTimeout(() => idle.abort(), IDLE_MILLISECONDS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), IDLE_MILLISECONDS);
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => undefined);
  }
}
