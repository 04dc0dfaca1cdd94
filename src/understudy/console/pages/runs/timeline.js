/** The spans of a run, one row each, on one axis that always fits; the chosen one in words below. */
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { axisOf, isOnAxis, MOST_ZOOM, ticksOf, zoomAxis } from "../../lib/timeline.js";
import { formatTick } from "../../lib/format.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
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
    if (!next) return;
    show(next);
  };
  const whole = axisOf(spans, now);
  const [zoom, setZoom] = useState(1);
  const [center, setCenter] = useState(/** @type {number | null} */ (null));
  const show = (/** @type {import("../../lib/timeline.js").Span} */ span) => {
    setCenter(middleOf(span, whole, now));
    setQuery({ span: span.id });
  };
  const magnify = (/** @type {number} */ factor) => {
    setCenter(middleOf(chosen, whole, now));
    setZoom((old) => (factor ? Math.min(Math.max(old * factor, 1), MOST_ZOOM) : 1));
  };
  useShortcuts([
    { key: "+", label: t("runs.zoom-in"), run: () => magnify(2) },
    { key: "-", label: t("runs.zoom-out"), run: () => magnify(1 / 2) },
    { key: "0", label: t("runs.zoom-fit"), run: () => magnify(0) },
    { key: "j", label: t("runs.next-span"), run: () => choose(1) },
    { key: "k", label: t("runs.previous-span"), run: () => choose(-1) },
  ]);
  if (trace && !spans.length) return html`<${Empty} icon="activity" title=${t("runs.no-spans")} text=${t("runs.no-spans.text")} />`;
  const axis = zoomAxis(whole, zoom, center ?? whole.start);
  const { step, marks } = ticksOf(axis.length, 5, axis.start - whole.start);
  const ticks = marks.map((at) => ({ at, share: (at + whole.start - axis.start) / axis.length }));
  return html`<div class="timeline" role="table" aria-label=${t("runs.timeline")}>
      <div class="timeline-head" role="row">
        <span role="columnheader">${t("runs.span")}</span>
        <span class="timeline-axis" role="columnheader" aria-label=${t("runs.time")}>${ticks.map(({ at, share }) => html`<span key=${at} class="tick" style=${{ insetInlineStart: `${100 * share}%` }}>${share < LAST_LABEL && formatTick(at, { step, length: axis.length }, currentLocale())}</span>`)}</span>
        <span class="number" role="columnheader">${t("runs.figure.duration")}</span>
        <span class="number priority-2" role="columnheader">${t("runs.figure.tokens")}</span>
        <span class="number priority-3" role="columnheader">${t("runs.figure.cost")}</span>
      </div>
      ${spans.map((span) => html`<${SpanRow} key=${span.id} span=${span} axis=${axis} ticks=${ticks} now=${now} isVisible=${isOnAxis(span, axis)} isChosen=${span === chosen} onChoose=${() => (span === chosen ? setQuery({ span: null }) : show(span))} />`)}
    </div>
    <div class="timeline-foot"><ul class="timeline-legend muted"><li class="is-lead">${t("runs.legend.lead")}</li><li class="is-turn">${t("runs.legend.turn")}</li><li class="is-tool">${t("runs.legend.tool")}</li><li class="is-wait">${t("runs.legend.wait")}</li></ul><span class="spring"></span>
      <span class="inline"><${Button} kind="quiet" label=${t("runs.zoom-fit")} shortcut="0" disabled=${zoom === 1} onClick=${() => magnify(0)}>${t("runs.zoom-fit")}<//>
        <${Button} kind="quiet" label=${t("runs.zoom-out")} shortcut="-" disabled=${zoom === 1} onClick=${() => magnify(1 / 2)}>−<//><${Button} kind="quiet" label=${t("runs.zoom-in")} shortcut="+" disabled=${zoom === MOST_ZOOM} onClick=${() => magnify(2)}>+<//></span></div>
    ${chosen && html`<${SpanDetail} path=${path} run=${run} span=${chosen} now=${now} />`}`;
}

/** What to magnify: the chosen span, or the beginning. @param {import("../../lib/timeline.js").Span | undefined} span @param {{start: number}} axis @param {number} now */
function middleOf(span, axis, now) {
  return span ? (span.started_at_ms + (span.ended_at_ms ?? now)) / 2 : axis.start;
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
