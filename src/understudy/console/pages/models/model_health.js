/** Whether a model works: what became of its latest calls on this server. */
import { t } from "../../text/texts.js";
import { Badge, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @typedef {{calls: number, errors: number, last_success_at: number | null, last_error_at: number | null, last_error: string | null, p50_first_delta_ms: number | null}} Health */

/** The outcome of the latest call; a dash before the first one. @param {{health: Health | null | undefined}} props */
export function ModelState({ health }) {
  if (!health) return html`<span class="muted">—</span>`;
  const hasFailed = health.last_error_at !== null && health.last_error_at > (health.last_success_at ?? 0);
  if (!hasFailed && health.last_success_at === null) return html`<span class="muted">—</span>`;
  return html`<${Badge} state=${hasFailed ? "failed" : "ok"} label=${t(hasFailed ? "models.failing" : "models.working")} />`;
}

/** @param {{health: Health | null | undefined}} props */
export function LastError({ health }) {
  if (!health?.last_error) return html`<span class="muted">—</span>`;
  return html`<span><bdi>${health.last_error.replaceAll("_", " ")}</bdi> <span class="muted"><${Time} at=${health.last_error_at} full=${true} /></span></span>`;
}
