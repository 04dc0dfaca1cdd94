import { t } from "../../text/texts.js";
import { Count, Duration, Id, Money, Time, WholeSeconds } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { secondsOf } from "./run_values.js";

/** The figures that one looks for first. @param {{run: any, trace: any}} props */
export function RunSummary({ run, trace }) {
  const spans = trace?.spans ?? [];
  const turn = spans.find((/** @type {any} */ span) => span.first_delta_at_ms !== null);
  const last = spans.at(-1);
  const whole = last?.ended_at_ms && spans[0] ? last.ended_at_ms - spans[0].started_at_ms : null;
  const figures = [
    ["duration", html`${whole === null ? html`<${WholeSeconds} seconds=${secondsOf(run)} />` : html`<${Duration} milliseconds=${whole} />`}`],
    ["first-delta", html`<${Duration} milliseconds=${turn ? turn.first_delta_at_ms - spans[0].started_at_ms : null} />`],
    ["tokens", html`<${Count} value=${run.usage?.prompt_tokens} /> → <${Count} value=${run.usage?.completion_tokens} />`],
    ["cost", html`<${Money} dollars=${trace?.cost} />`],
    ["model", html`<span class="mono">${run.model}</span>`],
    ["assistant", html`<${Id} id=${run.assistant_id} copy=${false} />`],
    ["thread", html`<${Id} id=${run.thread_id} copy=${false} />`],
    ["created", html`<${Time} at=${run.created_at} full=${true} />`],
  ];
  return html`<dl class="run-figures">${figures.map(([name, value]) => html`<div key=${name}><dt>${t(`runs.figure.${name}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}
