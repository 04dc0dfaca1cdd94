import { t } from "../../text/texts.js";
import { Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** The users of a project. @param {string} project its id @returns {import("../../ui/noun/noun.js").Noun} */
export function membersOf(project) {
  return {
    name: "members",
    path: `/organization/projects/${encodeURIComponent(project)}/users`,
    listPath: `projects/${project}?tab=members`,
    pathOf: (row) => `projects/${project}/members/${row.id}`,
    icon: "users",
    title: (row) => row.name || row.email || row.id,
    canDelete: true,
    columns: [
      { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name || row.email} empty=${row.id} />` },
      { name: "email", priority: 2, cell: (row) => html`<${Name} text=${row.email} />` },
      { name: "role", cell: (row) => t(`members.role.${row.role}`) },
      { name: "added_at", isNumber: true, cell: (row) => html`<${Time} at=${row.added_at} />` },
    ],
    fields: [
      { name: "email", cell: (row) => html`<${Name} text=${row.email} />` },
      { name: "role", cell: (row) => t(`members.field.role.${row.role}`) },
      { name: "added_at", cell: (row) => html`<${Time} at=${row.added_at} full=${true} />` },
    ],
    form: [
      { name: "email", kind: "text", required: true, only: "create" },
      { name: "role", kind: "select", options: ["member", "owner"], initial: "member", required: true },
    ],
  };
}
