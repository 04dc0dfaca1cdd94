import { Badge, Id, Name, Time } from "../../ui/values.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

/** The service accounts of a project. @param {string} project its id @returns {import("../../ui/noun/noun.js").Noun} */
export function accountsOf(project) {
  const role = (/** @type {any} */ row) => html`<${Badge} state=${row.role === "none" ? "cancelled" : "ok"} label=${t(`service-accounts.role.${row.role}`)} />`;
  return {
    name: "service-accounts",
    path: `/organization/projects/${encodeURIComponent(project)}/service_accounts`,
    listPath: `projects/${project}?tab=service-accounts`,
    pathOf: (row) => `projects/${project}/service-accounts/${row.id}`,
    icon: "user",
    title: (row) => row.name || row.id,
    canDelete: true,
    columns: [
      { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} />` },
      { name: "role", cell: role },
      { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
      { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
    ],
    fields: [
      { name: "role", cell: role },
      { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    ],
    form: [
      { name: "name", kind: "text", required: true },
      { name: "role", kind: "select", options: ["owner", "member", "none"], only: "edit", required: true },
    ],
  };
}
