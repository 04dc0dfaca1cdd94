import { t } from "../../text/texts.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {{nodes: any[], nodeId: string}} props `nodeId`: the node that made the report */
export function NodeTable({ nodes, nodeId }) {
  return html`<section class="stack-small"><h2>${t("health.nodes")}</h2><div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t("health.host")}</th><th scope="col">${t("health.state")}</th><th scope="col" class="priority-2">${t("health.role")}</th><th scope="col" class="priority-2">${t("health.version")}</th><th scope="col" class="number priority-2">${t("health.started")}</th><th scope="col" class="number">${t("health.last-seen")}</th></tr></thead>
    <tbody>${nodes.map((node) => html`<tr key=${node.id}><th scope="row"><${Name} text=${node.host} />${node.id === nodeId && html` <span class="muted">${t("health.this-node")}</span>`}</th>
      <td><${Badge} state=${node.live ? "ok" : "failed"} label=${t(node.live ? "health.live" : "health.dead")} /></td>
      <td class="priority-2">${node.role}</td><td class="mono priority-2">${node.version}</td>
      <td class="number priority-2"><${Time} at=${node.started_at} /></td><td class="number"><${Time} at=${node.last_seen_at} /></td></tr>`)}</tbody></table></div></section>`;
}
