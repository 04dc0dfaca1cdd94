/** One entry of the audit log: who changed what, with the details of the change. */
import { hrefOf } from "../../app/router.js";
import { actorOf, detailsOf } from "../../lib/audit_events.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { JsonView } from "../../ui/json_view.js";
import { Page } from "../../ui/page.js";
import { useResource } from "../../ui/resource.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Id, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { Actor, EventName, Target } from "./entry_values.js";

/** @param {{params: {at: string, id: string}}} props `at`: the time of the entry in Unix seconds */
export default function AuditEntry({ params: { at, id } }) {
  const { data, error, reload } = useResource("/organization/audit_logs", { limit: 100, "effective_at[gte]": at, "effective_at[lte]": at });
  const entry = data?.data.find((/** @type {any} */ one) => one.id === id);
  const name = entry ? html`<${EventName} type=${entry.type} />` : id;
  return html`<${Page} title=${name} name=${t("audit-log.entry")} parent=${{ path: "audit-log", label: t("audit-log.title") }}>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${!data && error === null && html`<${Skeleton} />`}
    ${data && !entry && html`<${Empty} icon="shield" title=${t("audit-log.unknown")} text=${t("audit-log.unknown.text")} />`}
    ${entry && html`<${EntryFields} entry=${entry} /><${JsonView} value=${detailsOf(entry)} label=${t("audit-log.details")} depth=${3} />`}
  <//>`;
}

/** @param {{entry: any}} props */
function EntryFields({ entry }) {
  const { address } = actorOf(entry);
  /** @type {[string, any][]} */
  const rows = [
    ["effective_at", html`<${Time} at=${entry.effective_at} full=${true} />`],
    ["type", html`<span class="mono">${entry.type}</span>`],
    ["target", html`<${Target} entry=${entry} isLink=${true} />`],
    ["project", entry.project ? html`<a href=${hrefOf(`projects/${entry.project.id}`)}><${Name} text=${entry.project.name} empty=${entry.project.id} /></a>` : html`<span class="muted">—</span>`],
    ["actor", html`<${Actor} entry=${entry} isLink=${true} />`],
    ...(address ? [/** @type {[string, any]} */ (["address", html`<span class="mono">${address}</span>`])] : []),
    ["id", html`<${Id} id=${entry.id} link=${false} full=${true} />`],
  ];
  return html`<dl class="fields">${rows.map(([name, value]) => html`<div key=${name}><dt>${t(`audit-log.field.${name}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}
