/** A response that is streamed to this page alone. It is not stored, so a lost connection loses it. */
import { EventParser } from "../lib/event_parser.js";
import { open } from "./client.js";

/**
 * Resolves when the stream has ended. Raises ApiError if the server refuses the request.
 *
 * @param {object} body of the request
 * @param {{signal: AbortSignal, onEvent: (event: any) => void}} options `onEvent` gets the parsed data of each event
 */
export async function streamResponse(body, { signal, onEvent }) {
  const response = await open("POST", "/responses", { body: { ...body, stream: true, store: false }, signal });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const parser = new EventParser();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.push(decoder.decode(value, { stream: true }))) onEvent(JSON.parse(event.data));
  }
}
