import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { isExpired } from "../../lib/expiry.js";

/** The keys of a service account, out of the newest keys of its project. @param {{project: string, account: string}} props */
export function AccountKeys({ project, account }) {
  const { data, error, reload } = useResource(`/organization/projects/${encodeURIComponent(project)}/api_keys`, { limit: 100 });
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${2} />`;
  const rows = data.data.filter((/** @type {any} */ row) => row.owner.service_account?.id === account);
  return html`<section class="stack-small"><h2>${t("keys.title")}</h2>
    ${!rows.length && html`<p class="muted">${t("service-accounts.no-keys")}</p>`}
    ${rows.length > 0 && html`<div class="table-frame"><table class="figures is-wide">
      <thead><tr><th scope="col">${t("keys.column.name")}</th><th scope="col" class="priority-2">${t("keys.column.redacted_value")}</th><th scope="col" class="number">${t("keys.column.last_used_at")}</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ row) => html`<tr key=${row.id}><th scope="row"><a href=${hrefOf(`projects/${project}/keys/${row.id}`)}><${Name} text=${row.name} /></a>${isExpired(row) && html` <${Badge} state="expired" />`}</th>
        <td class="mono priority-2">${row.redacted_value}</td><td class="number"><${Time} at=${row.last_used_at} /></td></tr>`)}</tbody></table></div>`}
    ${data.has_more && html`<p><a href=${hrefOf(`projects/${project}?tab=keys`)}>${t("service-accounts.all-keys")}</a></p>`}</section>`;
}
