import { t } from "../../text/texts.js";
import { Badge, Id, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const CONTAINERS = {
  name: "containers",
  path: "/containers",
  icon: "container",
  title: (row) => row.name || row.id,
  canDelete: true,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "last_active_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.last_active_at} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "last_active_at", cell: (row) => html`<${Time} at=${row.last_active_at} full=${true} />` },
    { name: "expires", cell: (row) => t("containers.minutes", { count: row.expires_after.minutes }) },
    { name: "memory", cell: (row) => html`<span>${row.memory_limit ?? "—"}</span>` },
  ],
  form: [{ name: "name", kind: "text", required: true }, { name: "memory_limit", kind: "select", options: ["1g", "4g", "16g", "64g"] }],
  canEdit: false,
};
