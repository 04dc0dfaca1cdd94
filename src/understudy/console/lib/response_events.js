/** The state of a response out of the events of its stream: its items as they grow. */

/** @typedef {{response: any, items: readonly any[], last: number}} ResponseState `last` is the number of the last event */

const FINISHED = new Set(["completed", "failed", "cancelled", "incomplete"]);

/** Whether a response with this status never changes again. @param {string | null | undefined} status */
export function isResponseFinished(status) {
  return FINISHED.has(status ?? "");
}

/** @param {any} response @returns {ResponseState} */
export function startResponse(response) {
  return { response, items: response.output ?? [], last: -1 };
}

/**
 * The state after an event; the same state if the event was known. After a drop, events can repeat.
 *
 * @param {ResponseState} state
 * @param {any} event the parsed data of the event
 * @returns {ResponseState}
 */
export function applyResponseEvent(state, event) {
  if (typeof event.sequence_number !== "number" || event.sequence_number <= state.last) return state;
  const next = { ...state, last: event.sequence_number };
  if (event.response) return finish({ ...next, response: event.response });
  const index = event.output_index;
  if (event.type === "response.output_item.added" || event.type === "response.output_item.done") return { ...next, items: replaceAt(state.items, index, event.item) };
  const item = state.items[index];
  return item ? { ...next, items: replaceAt(state.items, index, changeItem(item, event)) } : next;
}

/** A response that has ended has all items, also those that were not streamed. @param {ResponseState} state @returns {ResponseState} */
function finish(state) {
  const { output = [] } = state.response;
  return isResponseFinished(state.response.status) && output.length > state.items.length ? { ...state, items: output } : state;
}

/** @param {any} item @param {any} event @returns {any} */
function changeItem(item, event) {
  switch (event.type) {
    case "response.content_part.added":
      return { ...item, content: replaceAt(item.content ?? [], event.content_index, event.part) };
    case "response.output_text.delta":
      return changePart(item, event, (part) => ({ ...part, text: (part.text ?? "") + event.delta }));
    case "response.output_text.annotation.added":
      return changePart(item, event, (part) => ({ ...part, annotations: [...(part.annotations ?? []), event.annotation] }));
    case "response.refusal.delta":
      return changePart(item, event, (part) => ({ ...part, refusal: (part.refusal ?? "") + event.delta }));
    case "response.function_call_arguments.delta":
    case "response.mcp_call_arguments.delta":
      return { ...item, arguments: (item.arguments ?? "") + event.delta };
    case "response.image_generation_call.partial_image":
      return { ...item, preview: event.partial_image_b64, output_format: event.output_format ?? item.output_format };
    case "response.code_interpreter_call_code.delta":
      return { ...item, code: (item.code ?? "") + event.delta };
    case "response.reasoning_summary_text.delta":
      return { ...item, summary: replaceAt(item.summary ?? [], event.summary_index, { type: "summary_text", text: (item.summary?.[event.summary_index]?.text ?? "") + event.delta }) };
    default:
      return item;
  }
}

/** @param {any} item @param {any} event @param {(part: any) => any} change */
function changePart(item, event, change) {
  const part = item.content?.[event.content_index];
  return part ? { ...item, content: replaceAt(item.content, event.content_index, change(part)) } : item;
}

/** @param {readonly any[]} list @param {number} index @param {any} value */
function replaceAt(list, index, value) {
  const changed = [...list];
  changed[index] = value;
  return changed;
}
