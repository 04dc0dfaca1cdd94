/** Who changed what: filtered by event, project, actor, object and time. */
import { pagerOf } from "../../api/pager.js";
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { endOfDay, startOfDay } from "../../lib/days.js";
import { currentZone } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { DataList } from "../../ui/data_list.js";
import { Chip } from "../../ui/filters.js";
import { Page } from "../../ui/page.js";
import { useResource } from "../../ui/resource.js";
import { Empty } from "../../ui/states.js";
import { Name, Time } from "../../ui/values.js";
import { html, useMemo, useState } from "../../ui/view.js";
import { AuditFilters } from "./audit_filters.js";
import { Actor, EventName, Target } from "./entry_values.js";

export const style = "audit_log.css";

const PATH = "/organization/audit_logs";

/** @param {Map<string, string>} names of admin keys by their ids */
const columnsOf = (names) => [
  { name: "event", isMain: true, cell: (/** @type {any} */ row) => html`<${EventName} type=${row.type} />` },
  { name: "target", priority: /** @type {2} */ (2), cell: (/** @type {any} */ row) => html`<${Target} entry=${row} />` },
  { name: "project", priority: /** @type {3} */ (3), cell: (/** @type {any} */ row) => html`<${Name} text=${row.project?.name} />` },
  { name: "actor", cell: (/** @type {any} */ row) => html`<${Actor} entry=${row} names=${names} />` },
  { name: "effective_at", isNumber: true, cell: (/** @type {any} */ row) => html`<${Time} at=${row.effective_at} />` },
].map((column) => ({ ...column, label: t(`audit-log.column.${column.name}`) }));

export default function AuditLog() {
  const query = readQuery();
  const key = JSON.stringify(query);
  const { pager, isKnown } = useMemo(() => pagerOf(PATH, query), [key]);
  const [isOpen, setOpen] = useState(false);
  useShortcuts([{ key: "a", label: t("ui.api-preview"), run: () => setOpen(true) }]);
  const keys = useResource("/organization/admin_api_keys", { limit: 100 });
  const resource = route.value.query.get("resource");
  const empty = html`<${Empty} icon="shield" title=${t("audit-log.empty")} text=${t("audit-log.empty.text")} />`;
  return html`<${Page} title=${t("audit-log.title")} actions=${html`<${Button} kind="quiet" icon="code" label=${t("ui.api-preview")} shortcut="a" onClick=${() => setOpen(true)} />`}>
    <div class="toolbar audit-filters"><${AuditFilters} keys=${keys.data} />${resource && html`<${Chip} label=${resource} onRemove=${() => setQuery({ resource: null })} />`}</div>
    <${DataList} key=${key} pager=${pager} isKnown=${isKnown} label=${t("audit-log.title")} empty=${empty} isFiltered=${Object.keys(query).length > 0}
      columns=${columnsOf(namesOf(keys.data))}
      pathOf=${(/** @type {any} */ row) => `audit-log/${row.effective_at}/${row.id}`} />
    ${isOpen && html`<${ApiPreviewDialog} call=${{ method: "GET", path: PATH, query: { limit: 20, ...query } }} onClose=${() => setOpen(false)} />`}
  <//>`;
}

/** @param {any} keys a list of admin keys, or null @returns {Map<string, string>} */
const namesOf = (keys) => new Map((keys?.data ?? []).map((/** @type {any} */ key) => [key.id, key.name ?? key.id]));

/** The parameters of the API that the URL of the page has. */
function readQuery() {
  const { query } = route.value;
  /** @type {Record<string, string | number>} */
  const values = {};
  for (const [name, parameter] of Object.entries({ type: "event_types[]", project: "project_ids[]", actor: "actor_ids[]", resource: "resource_ids[]" })) {
    const value = query.get(name);
    if (value) values[parameter] = value;
  }
  const since = startOfDay(query.get("from") ?? "", currentZone());
  const until = endOfDay(query.get("to") ?? "", currentZone());
  if (!Number.isNaN(since)) values["effective_at[gte]"] = since;
  if (!Number.isNaN(until)) values["effective_at[lt]"] = until;
  return values;
}
