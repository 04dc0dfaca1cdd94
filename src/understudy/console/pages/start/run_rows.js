import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Skeleton } from "../../ui/states.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const MOST_ROWS = 5;

/** Runs in few words: whose, in which state, why it failed. @param {{resource: any, names: Record<string, string>, none: string}} props */
export function RunRows({ resource, names, none }) {
  if (resource.error !== null) return html`<${ErrorNote} error=${resource.error} onRetry=${resource.reload} />`;
  if (resource.data === null) return html`<${Skeleton} rows=${2} />`;
  const runs = resource.data.data.slice(0, MOST_ROWS);
  if (!runs.length) return html`<p class="muted overview-none">${none}</p>`;
  return html`<ul class="overview-rows">${runs.map((/** @type {any} */ run) => html`<li key=${run.id}>
    <a class="row-link" href=${hrefOf(`threads/${run.thread_id}/runs/${run.id}`)}><${Name} text=${names[run.assistant_id] ?? run.model} /></a>
    <${Badge} state=${run.status} /><span class="muted overview-time"><${Time} at=${run.created_at} /></span>
    ${run.last_error && html`<p class="muted truncate" dir="auto" title=${run.last_error.message}>${run.last_error.message}</p>`}</li>`)}
    ${resource.data.data.length > MOST_ROWS && html`<li class="muted">${t("start.more", { count: resource.data.data.length - MOST_ROWS })}</li>`}</ul>`;
}
