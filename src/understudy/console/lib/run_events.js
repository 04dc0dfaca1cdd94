/** The state of a run out of its events: its messages and tool calls in the order in which they began. */

/**
 * @typedef {{id: string, kind: "message" | "tools", object: any}} RunEntry `object` is the message, or the step
 * @typedef {{run: any, entries: readonly RunEntry[], last: number}} RunState `last` is the number of the last event
 */

const FINISHED = new Set(["completed", "failed", "cancelled", "incomplete", "expired"]);

/** Whether a run with this status never changes again. @param {string | null | undefined} status */
export function isFinished(status) {
  return FINISHED.has(status ?? "");
}

/**
 * @param {any} run
 * @param {readonly any[]} [messages] those of the run, in their order
 * @returns {RunState}
 */
export function startRun(run, messages = []) {
  return { run, entries: messages.map((message) => ({ id: message.id, kind: /** @type {const} */ ("message"), object: message })), last: 0 };
}

/**
 * The state after an event; the same state if the event was known. After a drop, events can repeat.
 *
 * @param {RunState} state
 * @param {import("./event_parser.js").ServerEvent} event
 * @returns {RunState}
 */
export function applyEvent(state, { id, event, data }) {
  const number = id === null ? state.last : Number(id);
  const isRepeated = id !== null && number <= state.last;
  if (!event.startsWith("thread.") || (isRepeated && event.endsWith(".delta"))) return state;
  const last = Math.max(state.last, number);
  const object = JSON.parse(data);
  const name = event.slice("thread.".length);
  if (name.startsWith("message.")) return { ...state, last, entries: change(state.entries, "message", name, object) };
  if (name.startsWith("run.step.")) return { ...state, last, entries: change(state.entries, "tools", name, object) };
  return { ...state, last, run: isRepeated ? state.run : object };
}

/**
 * @param {readonly RunEntry[]} entries
 * @param {RunEntry["kind"]} kind
 * @param {string} name
 * @param {any} object
 */
function change(entries, kind, name, object) {
  const index = entries.findLastIndex((entry) => entry.id === object.id);
  const known = entries[index];
  if (name.endsWith(".delta")) {
    if (!known) return entries;
    const merge = kind === "message" ? mergeMessage : mergeStep;
    return entries.with(index, { ...known, object: merge(known.object, object.delta) });
  }
  if (kind === "tools" && object.type !== "tool_calls") return entries;
  if (!known) return [...entries, { id: object.id, kind, object }];
  // What has begun has content already.
  if (/\.(created|in_progress)$/.test(name)) return entries;
  return entries.with(index, { ...known, object });
}

/** @param {any} message @param {any} delta */
function mergeMessage(message, delta) {
  const content = [...message.content];
  for (const { index, ...part } of delta.content ?? []) {
    const known = content[index];
    if (part.type === "text" && known?.type === "text") {
      content[index] = { type: "text", text: {
        value: known.text.value + (part.text.value ?? ""),
        annotations: [...known.text.annotations, ...(part.text.annotations ?? [])],
      } };
    } else content[index] = part.type === "text" ? { type: "text", text: { value: "", annotations: [], ...part.text } } : part;
  }
  return { ...message, content };
}

/** @param {any} step @param {any} delta */
function mergeStep(step, delta) {
  const calls = [...(step.step_details.tool_calls ?? [])];
  for (const { index, ...call } of delta.step_details?.tool_calls ?? []) {
    const known = calls[index] ?? {};
    // Calls of remote servers have their texts beside the type, all others in a member of its name.
    calls[index] = call.type in call ? { ...known, ...call, [call.type]: mergeCall(known[call.type] ?? {}, call[call.type]) } : mergeCall(known, call);
  }
  return { ...step, step_details: { ...step.step_details, tool_calls: calls } };
}

/** Texts grow, outputs take their places, and everything else is replaced. @param {any} known @param {any} added */
function mergeCall(known, added) {
  const merged = { ...known };
  for (const [name, value] of Object.entries(added)) {
    if (name === "outputs") merged.outputs = mergeOutputs(known.outputs ?? [], value);
    else if ((name === "arguments" || name === "input") && typeof value === "string") merged[name] = (known[name] ?? "") + value;
    else if (value !== null || !(name in known)) merged[name] = value;
  }
  return merged;
}

/** @param {readonly any[]} known @param {readonly any[]} added */
function mergeOutputs(known, added) {
  const outputs = [...known];
  for (const { index, ...output } of added) outputs[index ?? outputs.length] = output;
  return outputs;
}
