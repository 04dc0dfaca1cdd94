import { t } from "../../text/texts.js";
import { Count, Duration } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const MAX_COUNT = 10_000;

/** @param {{queues: any[], now: number}} props `now` is in seconds */
export function QueueTable({ queues, now }) {
  return html`<section class="stack-small"><h2>${t("health.queues")}</h2><div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t("health.queue")}</th><th scope="col" class="number">${t("health.waiting")}</th><th scope="col" class="number">${t("health.oldest")}</th></tr></thead>
    <tbody>${queues.map((queue) => html`<tr key=${queue.name}><th scope="row">${t(`health.queue.${queue.name}`)}</th>
      <td class="number"><${Count} value=${queue.waiting} />${queue.waiting >= MAX_COUNT && "+"}</td>
      <td class="number">${queue.oldest_created_at === null ? "—" : html`<${Duration} milliseconds=${Math.max(now - queue.oldest_created_at, 0) * 1000} />`}</td></tr>`)}</tbody></table></div></section>`;
}
