import { t } from "../../text/texts.js";
import { NounFields } from "../../ui/noun/noun_fields.js";
import { useResource } from "../../ui/resource.js";
import { Badge, Id, WholeSeconds } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { secondsOf } from "../runs/run_values.js";
import { THREADS } from "./noun.js";

const MOST_RUNS = 20;

/** The details of a thread, and its last runs. @param {{thread: any}} props */
export function ThreadPanel({ thread }) {
  const { data } = useResource(`/threads/${encodeURIComponent(thread.id)}/runs`, { limit: MOST_RUNS });
  const runs = data?.data ?? [];
  return html`<${NounFields} noun=${THREADS} row=${thread} />
    <section class="stack-small"><h2>${t("threads.runs")}</h2>
      ${data && !runs.length && html`<p class="muted">${t("threads.no-runs")}</p>`}
      <ul class="thread-runs">${runs.map((/** @type {any} */ run) => html`<li key=${run.id}><${Id} id=${run.id} parent=${thread.id} copy=${false} /><${Badge} state=${run.status} />
        <span class="number muted"><${WholeSeconds} seconds=${secondsOf(run)} /></span></li>`)}</ul>
      ${data?.has_more && html`<p class="muted">${t("threads.more-runs")}</p>`}</section>`;
}
