import { t } from "../../text/texts.js";
import { CodeBlock } from "../../ui/code_block.js";
import { JsonView } from "../../ui/json_view.js";
import { useResource } from "../../ui/resource.js";
import { Badge, Count, Duration, Money, Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { spanLabel } from "./span_row.js";

const RESULTS = "step_details.tool_calls[*].file_search.results[*].content";

/** @param {{path: string, run: any, span: import("../../lib/timeline.js").Span, now: number}} props without `run` it shows no calls */
export function SpanDetail({ path, run, span, now }) {
  const end = span.ended_at_ms ?? now;
  const seconds = (end - (span.first_delta_at_ms ?? span.started_at_ms)) / 1000;
  const rate = span.usage && seconds > 0 ? Math.round(span.usage.completion_tokens / seconds) : null;
  const figures = [
    ["status", html`<${Badge} state=${span.status} />`],
    ["duration", html`<${Duration} milliseconds=${end - span.started_at_ms} />`],
    ...(span.kind === "model_turn" ? [
      ["first-delta", html`<${Duration} milliseconds=${span.first_delta_at_ms === null ? null : span.first_delta_at_ms - span.started_at_ms} />`],
      ["tokens", html`<${Count} value=${span.usage?.prompt_tokens} /> → <${Count} value=${span.usage?.completion_tokens} />`],
      ["rate", rate === null ? "—" : t("runs.per-second", { count: rate })],
      ["cost", html`<${Money} dollars=${span.cost} />`],
    ] : []),
  ];
  return html`<section class="span-detail stack" aria-label=${spanLabel(span)}>
    <h2><bdi>${spanLabel(span)}</bdi></h2>
    <dl class="run-figures">${figures.map(([name, value]) => html`<div key=${name}><dt>${t(`runs.figure.${name}`)}</dt><dd>${value}</dd></div>`)}</dl>
    ${run && (span.kind === "tool" || span.kind === "wait") && html`<${SpanCalls} path=${path} status=${run.status} span=${span} />`}
  </section>`;
}

/** The calls that the steps of the run have for a span. @param {{path: string, status: string, span: import("../../lib/timeline.js").Span}} props */
function SpanCalls({ path, status, span }) {
  const { data } = useResource(`${path}/steps`, { limit: 100, "include[]": RESULTS, status });
  const calls = (data?.data ?? []).flatMap((/** @type {any} */ step) => step.step_details.tool_calls ?? []);
  const names = span.name.split(", ");
  // Some providers give the calls of several turns one id.
  const isOwn = (/** @type {any} */ call) => (span.kind === "tool" ? call.id === span.call_id && call.type !== "function" : names.includes(call.function?.name));
  const own = calls.filter(isOwn);
  return own.map((/** @type {any} */ call) => html`<${ToolCall} key=${call.id} call=${call} />`);
}

/** @param {{call: any}} props */
function ToolCall({ call }) {
  if (call.type === "code_interpreter") {
    const logs = call.code_interpreter.outputs.filter((/** @type {any} */ one) => one.type === "logs");
    return html`<${CodeBlock} code=${call.code_interpreter.input} language="python" />${logs.map((/** @type {any} */ one, /** @type {number} */ index) => html`<${CodeBlock} key=${index} code=${one.logs} language="text" />`)}`;
  }
  if (call.type === "file_search") {
    const results = call.file_search.results ?? [];
    return html`<ol class="span-results">${results.map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${index}><div class="inline"><strong><${Name} text=${one.file_name} /></strong><span class="muted">${one.score.toFixed(2)}</span></div>
      <p class="prose" dir="auto">${one.content?.map((/** @type {any} */ part) => part.text).join("\n").slice(0, 600)}</p></li>`)}</ol>`;
  }
  return html`<div class="stack-small"><h3 class="mono"><bdi>${call.function?.name ?? call.type}</bdi></h3><${JsonView} value=${parse(call.function?.arguments)} label=${t("runs.arguments")} />
    ${call.function?.output && html`<${JsonView} value=${parse(call.function.output)} label=${t("runs.output")} />`}</div>`;
}

/** @param {string | undefined} text */
function parse(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return text;
  }
}
