import { hrefOf } from "../../app/router.js";
import { axisOf, barOf } from "../../lib/timeline.js";
import { t } from "../../text/texts.js";
import { Duration } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { spanLabel } from "./span_row.js";

/** The spans of both runs, from their beginnings, on axes of one length. @param {{records: readonly import("./compared_run.js").RunRecord[]}} props */
export function ComparedTimelines({ records }) {
  const now = Date.now();
  const axes = records.map(({ trace }) => axisOf(trace?.spans ?? [], now));
  const length = Math.max(...axes.map((axis) => axis.length));
  return html`<section class="stack-small"><h2>${t("runs.timeline")}</h2><div class="timeline">
    ${records.map(({ run, trace }, index) => html`<div key=${index} class="compared-timeline" role="list" aria-label=${t("runs.compare.spans-of", { name: "AB"[index] ?? "" })}>
      ${(trace?.spans ?? []).map((/** @type {import("../../lib/timeline.js").Span} */ span, /** @type {number} */ at) => html`<${ComparedSpan} key=${span.id} span=${span} run=${run} letter=${at ? "" : "AB"[index]} now=${now} axis=${{ start: axes[index]?.start ?? 0, length }} />`)}</div>`)}
  </div></section>`;
}

/** @param {{span: import("../../lib/timeline.js").Span, run: any, letter: string, now: number, axis: {start: number, length: number}}} props */
function ComparedSpan({ span, run, letter, now, axis }) {
  const bar = barOf({ ...span, ended_at_ms: span.ended_at_ms ?? now }, axis);
  return html`<div class="timeline-row" role="listitem"><span class="timeline-name compared-name"><b class="muted">${letter}</b><a class="truncate" href=${hrefOf(`threads/${run.thread_id}/runs/${run.id}`, { span: span.id })}><bdi>${spanLabel(span)}</bdi></a></span>
    <span class="timeline-track"><span class="bar is-${span.kind} is-${span.status}" style=${{ insetInlineStart: `${100 * bar.start}%`, inlineSize: `max(2px, ${100 * bar.length}%)` }}>
      ${bar.lead > 0 && html`<span class="bar-lead" style=${{ inlineSize: `${100 * bar.lead}%` }}></span>`}</span></span>
    <span class="number"><${Duration} milliseconds=${(span.ended_at_ms ?? now) - span.started_at_ms} /></span></div>`;
}
