import { barOf } from "../../lib/timeline.js";
import { t } from "../../text/texts.js";
import { Icon } from "../../ui/icon.js";
import { Count, Duration, Money } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {Record<string, string>} */
const ICONS = { queued: "hourglass", model_turn: "sparkles", tool: "wrench", wait: "hand" };

/**
 * @param {{span: import("../../lib/timeline.js").Span, axis: {start: number, length: number}, ticks: readonly {at: number, share: number}[],
 *   now: number, isVisible: boolean, isChosen: boolean, onChoose: () => void}} props
 */
export function SpanRow({ span, axis, ticks, now, isVisible, isChosen, onChoose }) {
  const bar = barOf(span, axis);
  const length = (span.ended_at_ms ?? now) - span.started_at_ms;
  const place = { insetInlineStart: `${100 * bar.start}%`, inlineSize: `max(2px, ${100 * bar.length}%)` };
  return html`<div class="timeline-row ${isChosen ? "is-current" : ""}" role="row">
    <span role="cell" class="timeline-name"><button type="button" class="link" aria-pressed=${isChosen} onClick=${onChoose}><${Icon} name=${ICONS[span.kind] ?? "circle"} /><bdi>${spanLabel(span)}</bdi></button></span>
    <span role="cell" class="timeline-track" aria-label=${t("runs.bar", { start: Math.round(100 * bar.start), end: Math.round(100 * (bar.start + bar.length)) })}>
      ${ticks.map(({ at, share }) => html`<i key=${at} class="grid-line" style=${{ insetInlineStart: `${100 * share}%` }}></i>`)}
      ${isVisible && html`<span class="bar is-${span.kind} ${span.status === "in_progress" ? "is-open" : ""} is-${span.status}" style=${place}>${bar.lead > 0 && html`<span class="bar-lead" style=${{ inlineSize: `${100 * bar.lead}%` }}></span>`}</span>`}</span>
    <span role="cell" class="number"><${Duration} milliseconds=${length} /></span>
    <span role="cell" class="number priority-2">${span.usage ? html`<${Count} value=${span.usage.prompt_tokens} /> → <${Count} value=${span.usage.completion_tokens} />` : ""}</span>
    <span role="cell" class="number priority-3">${span.cost === null ? "" : html`<${Money} dollars=${span.cost} />`}</span>
  </div>`;
}

/** What a span is, in words. @param {import("../../lib/timeline.js").Span} span */
export function spanLabel(span) {
  if (span.kind === "queued") return t("runs.kind.queued");
  if (span.kind === "wait") return t("runs.kind.wait", { name: span.name });
  return span.kind === "tool" ? t(`runs.tool.${span.name}`) : t("runs.kind.model_turn", { model: span.name });
}
