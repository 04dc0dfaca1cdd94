/** The raw events of a run with their numbers; the newest at the end. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { JsonView } from "../../ui/json_view.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { html, useState } from "../../ui/view.js";

const EDGE = 100;

/** @param {{events: readonly import("../../api/run_follower.js").RunEvent[], isOpen: boolean}} props */
export function EventLog({ events, isOpen }) {
  const [type, setType] = useState("");
  const [isWhole, setWhole] = useState(false);
  const [open, setOpen] = useState(/** @type {number | null} */ (null));
  const types = [...new Set(events.map((event) => event.type))];
  const shown = type ? events.filter((event) => event.type === type) : events;
  if (!events.length) return isOpen ? html`<${Skeleton} />` : html`<${Empty} icon="list" title=${t("runs.no-events")} text=${t("runs.no-events.text")} />`;
  const isCut = !isWhole && shown.length > 2 * EDGE;
  const row = (/** @type {import("../../api/run_follower.js").RunEvent} */ event) => html`<li key=${event.key}>
    <button type="button" class="event-row" aria-expanded=${open === event.key} onClick=${() => setOpen(open === event.key ? null : event.key)}>
      <span class="number muted">${event.id ?? ""}</span><span class="mono">${event.type}</span><bdi class="muted event-text">${event.data.slice(0, 160)}</bdi></button>
    ${open === event.key && html`<${JsonView} value=${JSON.parse(event.data)} label=${event.type} depth=${8} />`}</li>`;
  return html`<div class="toolbar"><select class="input is-inline" aria-label=${t("runs.event-type")} value=${type} onChange=${(/** @type {any} */ change) => setType(change.currentTarget.value)}>
      <option value="">${t("runs.event-type")}</option>${types.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select><span class="muted">${t("runs.event-count", { count: shown.length })}</span></div>
    <ol class="events">${(isCut ? shown.slice(0, EDGE) : shown).map(row)}</ol>
    ${isCut && html`<${Button} icon="chevrons-up-down" onClick=${() => setWhole(true)}>${t("runs.gap", { count: shown.length - 2 * EDGE })}<//><ol class="events">${shown.slice(-EDGE).map(row)}</ol>`}`;
}
