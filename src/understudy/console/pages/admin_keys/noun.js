import { t } from "../../text/texts.js";
import { Badge, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { isExpired } from "../../lib/expiry.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const ADMIN_KEYS = {
  name: "admin-keys",
  path: "/organization/admin_api_keys",
  icon: "key",
  title: (row) => row.name || row.id,
  canDelete: true,
  canEdit: false,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} empty=${row.id} />${isExpired(row) && html` <${Badge} state="expired" />`}` },
    { name: "redacted_value", priority: 2, cell: (row) => html`<span class="mono">${row.redacted_value}</span>` },
    { name: "expires_at", isNumber: true, priority: 3, cell: (row) => html`<${Time} at=${row.expires_at} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
    { name: "last_used_at", isNumber: true, cell: (row) => html`<${Time} at=${row.last_used_at} />` },
  ],
  fields: [
    { name: "redacted_value", cell: (row) => html`<span class="mono">${row.redacted_value}</span>` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "expires_at", cell: (row) => (row.expires_at === null ? t("admin-keys.never") : html`<span class="inline"><${Time} at=${row.expires_at} full=${true} />${isExpired(row) && html`<${Badge} state="expired" />`}</span>`) },
    { name: "last_used_at", cell: (row) => (row.last_used_at === null ? t("admin-keys.unused") : html`<${Time} at=${row.last_used_at} full=${true} />`) },
  ],
  form: [{ name: "name", kind: "text", required: true }, { name: "expires_in_seconds", kind: "lifetime" }],
};
