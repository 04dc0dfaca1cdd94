import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Skeleton } from "../../ui/states.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {{resource: any}} props */
export function ThreadRows({ resource }) {
  if (resource.error !== null) return html`<${ErrorNote} error=${resource.error} onRetry=${resource.reload} />`;
  if (resource.data === null) return html`<${Skeleton} rows=${4} />`;
  if (!resource.data.data.length) return html`<p class="muted overview-none">${t("start.threads.none")}</p>`;
  return html`<ul class="overview-rows">${resource.data.data.map((/** @type {any} */ thread) => html`<li key=${thread.id}>
    <a class="row-link" href=${hrefOf(`threads/${thread.id}`)}><${Name} text=${thread.preview?.trim() || thread.id} /></a>
    ${thread.last_run && thread.last_run.status !== "completed" && html`<${Badge} state=${thread.last_run.status} />`}
    <span class="muted overview-time"><${Time} at=${thread.last_active_at} /></span></li>`)}</ul>`;
}
