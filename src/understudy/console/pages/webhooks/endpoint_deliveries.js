import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { DataList } from "../../ui/data_list.js";
import { Empty } from "../../ui/states.js";
import { Badge, Count, Time } from "../../ui/values.js";
import { html, useMemo } from "../../ui/view.js";

const COLUMNS = [
  { name: "event", isMain: true, cell: (/** @type {any} */ row) => html`<span class="mono">${row.event.type}</span>` },
  { name: "status", cell: (/** @type {any} */ row) => html`<${Badge} state=${row.status} />` },
  { name: "answer", cell: (/** @type {any} */ row) => html`<span>${row.last_attempt?.status_code ?? "—"}</span>` },
  { name: "attempts", isNumber: true, priority: /** @type {2} */ (2), cell: (/** @type {any} */ row) => html`<${Count} value=${row.attempts} />` },
  { name: "created_at", isNumber: true, cell: (/** @type {any} */ row) => html`<${Time} at=${row.created_at} />` },
];

/** The deliveries of one endpoint. @param {{endpoint: string}} props */
export function EndpointDeliveries({ endpoint }) {
  const { pager, isKnown } = useMemo(() => pagerOf("/webhook_deliveries", { webhook_endpoint_id: endpoint }), [endpoint]);
  const empty = html`<${Empty} icon="send" title=${t("webhooks.no-deliveries")} text=${t("webhooks.no-deliveries.text")} />`;
  return html`<${DataList} pager=${pager} isKnown=${isKnown} label=${t("webhooks.deliveries")} empty=${empty} pathOf=${(/** @type {any} */ row) => `deliveries/${row.id}`}
    columns=${COLUMNS.map((column) => ({ ...column, label: t(`webhooks.delivery-column.${column.name}`) }))} />`;
}
