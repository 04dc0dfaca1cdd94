/** The spans of a run, one row each, on one axis that always fits; the chosen one in words below. */
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { axisOf, ticksOf } from "../../lib/timeline.js";
import { formatDuration } from "../../lib/format.js";
import { settings } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Empty } from "../../ui/states.js";
import { html, useEffect, useState } from "../../ui/view.js";
import { SpanDetail } from "./span_detail.js";
import { SpanRow } from "./span_row.js";

/** A label behind this share of the axis would reach into the next column. */
const LAST_LABEL = 0.92;

/** @param {{path: string, run: any, trace: any}} props */
export function Timeline({ path, run, trace }) {
  /** @type {import("../../lib/timeline.js").Span[]} */
  const spans = trace?.spans ?? [];
  const now = useNow(spans.some((span) => span.ended_at_ms === null));
  const chosen = spans.find((span) => span.id === route.value.query.get("span"));
  const choose = (/** @type {number} */ step) => {
    const index = chosen ? spans.indexOf(chosen) + step : 0;
    const next = spans[Math.min(Math.max(index, 0), spans.length - 1)];
    if (next) setQuery({ span: next.id });
  };
  useShortcuts([
    { key: "j", label: t("runs.next-span"), run: () => choose(1) },
    { key: "k", label: t("runs.previous-span"), run: () => choose(-1) },
  ]);
  if (trace && !spans.length) return html`<${Empty} icon="activity" title=${t("runs.no-spans")} text=${t("runs.no-spans.text")} />`;
  const axis = axisOf(spans, now);
  const ticks = ticksOf(axis.length, 5);
  return html`<div class="timeline" role="table" aria-label=${t("runs.timeline")}>
      <div class="timeline-head" role="row">
        <span role="columnheader">${t("runs.span")}</span>
        <span class="timeline-axis" role="columnheader" aria-label=${t("runs.time")}>${ticks.map((tick) => html`<span key=${tick} class="tick" style=${{ insetInlineStart: `${(100 * tick) / axis.length}%` }}>${tick / axis.length < LAST_LABEL && formatDuration(tick, settings.value.language)}</span>`)}</span>
        <span class="number" role="columnheader">${t("runs.figure.duration")}</span>
        <span class="number priority-2" role="columnheader">${t("runs.figure.tokens")}</span>
      </div>
      ${spans.map((span) => html`<${SpanRow} key=${span.id} span=${span} axis=${axis} ticks=${ticks} now=${now} isChosen=${span === chosen} />`)}
    </div>
    <ul class="timeline-legend muted"><li class="is-lead">${t("runs.legend.lead")}</li><li class="is-turn">${t("runs.legend.turn")}</li><li class="is-tool">${t("runs.legend.tool")}</li><li class="is-wait">${t("runs.legend.wait")}</li></ul>
    ${chosen && html`<${SpanDetail} path=${path} run=${run} span=${chosen} now=${now} />`}`;
}

/** The time in milliseconds, once a second while something lasts. @param {boolean} isOpen */
function useNow(isOpen) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isOpen) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isOpen]);
  return now;
}
