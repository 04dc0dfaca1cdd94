/** Single values: ids, times, numbers, sizes, money, states. A dash is unknown, and never zero. */
import { formatBytes, formatDuration, formatFullTime, formatMoney, formatNumber, formatTime, revealControls, shortenId } from "../lib/format.js";
import { pathOfId } from "../lib/paths.js";
import { hasPage, hrefOf } from "../app/router.js";
import { currentLocale, currentZone } from "../state/settings.js";
import { hasText, t } from "../text/texts.js";
import { CopyButton } from "./copy_button.js";
import { Icon } from "./icon.js";
import { html } from "./view.js";

const locale = () => ({ zone: currentZone(), language: currentLocale() });

/** A link where the console has a page for the id. `parent` is the thread of a run.
 *
 * @param {{id: string | null | undefined, link?: boolean, full?: boolean, copy?: boolean, parent?: string}} props
 */
export function Id({ id, parent, link = true, full = false, copy = true }) {
  if (!id) return html`<span class="muted">—</span>`;
  const target = link ? pathOfId(id, parent) : null;
  const path = target && hasPage(target) ? target : null;
  const text = full ? id : shortenId(id);
  const body = path ? html`<a class="mono" href=${hrefOf(path)} title=${id}>${text}</a>` : html`<span class="mono" title=${id}>${text}</span>`;
  return html`<span class="id">${body}${copy && html`<${CopyButton} text=${id} label=${t("ui.copy-id")} />`}</span>`;
}

/** A name that others chose: its direction is its own, and its invisible controls are visible. */
/** @param {{text: string | null | undefined, empty?: string}} props */
export function Name({ text, empty = "—" }) {
  return text ? html`<bdi class="name" title=${text.length > 40 ? text : undefined}>${revealControls(text)}</bdi>` : html`<span class="muted">${empty}</span>`;
}

/** @param {{at: number | null | undefined, full?: boolean}} props `at` is in seconds since 1970 */
export function Time({ at, full = false }) {
  if (at === null || at === undefined) return html`<span class="muted">—</span>`;
  const whole = formatFullTime(at, locale());
  return html`<time class="nowrap" datetime=${new Date(at * 1000).toISOString()} title=${whole}>${full ? whole : formatTime(at, locale())}</time>`;
}

/** @param {{dollars: number | null | undefined}} props */
export const Money = ({ dollars }) => html`<span class="nowrap">${formatMoney(dollars, currentLocale())}</span>`;
/** @param {{bytes: number | null | undefined}} props */
export const Bytes = ({ bytes }) => html`<span class="nowrap">${formatBytes(bytes, currentLocale())}</span>`;
/** @param {{value: number | null | undefined}} props */
export const Count = ({ value }) => html`<span class="nowrap">${formatNumber(value, currentLocale())}</span>`;
/** @param {{milliseconds: number | null | undefined}} props */
export const Duration = ({ milliseconds }) => html`<span class="nowrap">${formatDuration(milliseconds, currentLocale())}</span>`;
/** A duration of which only whole seconds are known. @param {{seconds: number | null | undefined}} props */
export const WholeSeconds = ({ seconds }) => (seconds === 0 ? html`<span class="nowrap">${t("ui.under-a-second")}</span>` : html`<${Duration} milliseconds=${seconds ? seconds * 1_000 : null} />`);

/** The kind and icon of every state that the API has. */
/** @type {Record<string, readonly [kind: string, icon: string]>} */
const STATES = {
  completed: ["ok", "check"], succeeded: ["ok", "check"], processed: ["ok", "check"], ok: ["ok", "check"], delivered: ["ok", "check"], accepted: ["ok", "check"],
  in_progress: ["running", "loader"], validating: ["running", "loader"], finalizing: ["running", "loader"], processing: ["running", "loader"], running: ["running", "loader"],
  queued: ["wait", "hourglass"], requires_action: ["wait", "hand"], pending: ["wait", "hourglass"], uploaded: ["wait", "hourglass"],
  cancelling: ["warn", "circle-slash"], incomplete: ["warn", "triangle-alert"], expired: ["warn", "clock"],
  failed: ["error", "x"], error: ["error", "x"], cancelled: ["idle", "circle-slash"], deleted: ["idle", "trash"], active: ["ok", "check"],
};

/** A state: its word, an icon and a colour. @param {{state: string | null | undefined, label?: string}} props */
export function Badge({ state, label }) {
  if (!state) return html`<span class="muted">—</span>`;
  const [kind, icon] = STATES[state] ?? ["idle", "circle"];
  const text = label ?? (hasText(`state.${state}`) ? t(`state.${state}`) : state.replaceAll("_", " "));
  return html`<span class="badge is-${kind}"><${Icon} name=${icon} size=${12} />${text}</span>`;
}

/** @param {{metadata: Record<string, string> | null | undefined, limit?: number}} props */
export function Metadata({ metadata, limit = 99 }) {
  const pairs = Object.entries(metadata ?? {});
  if (!pairs.length) return html`<span class="muted">—</span>`;
  return html`<span class="tags">${pairs.slice(0, limit).map(([key, value]) => html`<bdi class="tag"><span class="muted">${revealControls(key)}</span> ${revealControls(value)}</bdi>`)}
    ${pairs.length > limit && html`<span class="muted">+${pairs.length - limit}</span>`}</span>`;
}

/** @param {{ids: readonly string[] | null | undefined}} props */
export function Ids({ ids }) {
  return ids?.length ? html`<span class="tags">${ids.map((id) => html`<${Id} key=${id} id=${id} />`)}</span>` : html`<span class="muted">—</span>`;
}
