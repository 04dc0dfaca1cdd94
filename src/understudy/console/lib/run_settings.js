/** What a run was made with: to make it again, and to compare it with another one. Knows no browser. */

/** Members of a run that a request for a run takes, and in which runs are compared. */
const SETTINGS = ["model", "temperature", "top_p", "reasoning_effort", "tools", "tool_choice", "parallel_tool_calls", "response_format", "max_prompt_tokens", "max_completion_tokens", "truncation_strategy", "tool_resources", "metadata"];

/** @typedef {{name: string, values: [string, string], isDifferent: boolean}} ComparedSetting */

/** The body of a request that makes a run like this one. @param {any} run */
export function runAgainBody(run) {
  const body = Object.fromEntries(SETTINGS.filter((name) => !isUnset(run[name])).map((name) => [name, run[name]]));
  return { assistant_id: run.assistant_id, ...body, instructions: run.instructions ?? "" };
}

/** @param {any} value */
function isUnset(value) {
  return value === null || value === undefined || (typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length);
}

/** The settings of two runs as texts. @param {any} a @param {any} b @returns {ComparedSetting[]} */
export function compareSettings(a, b) {
  return ["assistant_id", ...SETTINGS].map((name) => {
    const values = /** @type {[string, string]} */ ([a, b].map((run) => settingText(name, run[name])));
    return { name, values, isDifferent: JSON.stringify(a[name]) !== JSON.stringify(b[name]) };
  });
}

/** @param {string} name @param {any} value */
function settingText(name, value) {
  if (value === null || value === undefined) return "—";
  if (name === "tools") return value.map((/** @type {any} */ tool) => (tool.type === "function" ? `${tool.function.name}()` : tool.type)).join(", ") || "—";
  if (typeof value !== "object") return String(value);
  return Object.keys(value).length ? JSON.stringify(value) : "—";
}

/**
 * The figures of a run: milliseconds, tokens and dollars; null is unknown.
 *
 * @param {any} run
 * @param {any} trace
 */
export function runFigures(run, trace) {
  const spans = trace?.spans ?? [];
  const [first] = spans;
  const turn = spans.find((/** @type {any} */ span) => span.first_delta_at_ms !== null);
  const last = spans.at(-1);
  return {
    duration: first && last.ended_at_ms ? last.ended_at_ms - first.started_at_ms : null,
    "first-delta": turn ? turn.first_delta_at_ms - first.started_at_ms : null,
    input: run.usage?.prompt_tokens ?? null,
    output: run.usage?.completion_tokens ?? null,
    cost: trace?.cost ?? null,
  };
}

/**
 * The question of a run and what comes before it, out of the thread's messages, the newest first.
 *
 * @param {any} run
 * @param {readonly any[]} messages
 * @returns {{question: any | null, before: any | null, last: any | null}} `last` is the newest message before the answer
 */
export function findQuestion(run, messages) {
  const own = messages.findLastIndex((message) => message.run_id === run.id);
  const earlier = own >= 0 ? messages.slice(own + 1) : messages.filter((message) => message.created_at <= run.created_at);
  const index = earlier.findIndex((message) => message.role === "user");
  return { question: earlier[index] ?? null, before: index < 0 ? null : earlier[index + 1] ?? null, last: earlier[0] ?? null };
}
