import { isExpired } from "../../lib/expiry.js";
import { hrefOf } from "../../app/router.js";
import { readScopes } from "../../lib/scopes.js";
import { t } from "../../text/texts.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { Scopes, ScopesField } from "./scopes_field.js";

/** The API keys of a project. @param {string} project its id @returns {import("../../ui/noun/noun.js").Noun} */
export function keysOf(project) {
  return {
    name: "keys",
    path: `/organization/projects/${encodeURIComponent(project)}/api_keys`,
    listPath: `projects/${project}?tab=keys`,
    pathOf: (row) => `projects/${project}/keys/${row.id}`,
    icon: "key",
    title: (row) => row.name || row.id,
    canDelete: true,
    columns: [
      { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} />${isExpired(row) && html` <${Badge} state="expired" />`}` },
      { name: "redacted_value", priority: 2, cell: (row) => html`<span class="mono">${row.redacted_value}</span>` },
      { name: "scopes", priority: 3, cell: (row) => t(`keys.scopes.${readScopes(row.scopes).mode}`) },
      { name: "owner", priority: 3, cell: (row) => html`<${Owner} owner=${row.owner} project=${project} isLink=${false} />` },
      { name: "last_used_at", isNumber: true, cell: (row) => html`<${Time} at=${row.last_used_at} />` },
    ],
    fields: [
      { name: "redacted_value", cell: (row) => html`<span class="mono">${row.redacted_value}</span>` },
      { name: "scopes", cell: (row) => html`<${Scopes} scopes=${row.scopes} />` },
      { name: "owner", cell: (row) => html`<${Owner} owner=${row.owner} project=${project} isLink=${true} />` },
      { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
      { name: "expires_at", cell: (row) => (row.expires_at === null ? t("keys.never") : html`<span class="inline"><${Time} at=${row.expires_at} full=${true} />${isExpired(row) && html`<${Badge} state="expired" />`}</span>`) },
      { name: "last_used_at", cell: (row) => (row.last_used_at === null ? t("keys.unused") : html`<${Time} at=${row.last_used_at} full=${true} />`) },
    ],
    form: [
      { name: "name", kind: "text", required: true, only: "create" },
      { name: "scopes", kind: "choices", control: ScopesField },
      { name: "expires_in_seconds", kind: "lifetime", only: "create" },
      { name: "expires_in_seconds", kind: "lifetime", only: "edit" },
    ],
  };
}

/** @param {{owner: any, project: string, isLink: boolean}} props */
function Owner({ owner, project, isLink }) {
  const account = owner.service_account;
  if (!account) return html`<span class="muted">${t("keys.owner.none")}</span>`;
  return isLink ? html`<a href=${hrefOf(`projects/${project}/service-accounts/${account.id}`)}><${Name} text=${account.name} /></a>` : html`<${Name} text=${account.name} />`;
}
