import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Count, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** Everyone who has signed in. @type {import("../../ui/noun/noun.js").Noun} */
export const USERS = {
  name: "users",
  path: "/organization/users",
  icon: "users",
  title: (row) => row.name || row.email || row.id,
  canCreate: false,
  canDelete: true,
  emptyPage: "invites",
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name || row.email} empty=${row.id} />` },
    { name: "email", priority: 2, cell: (row) => html`<${Name} text=${row.email} />` },
    { name: "role", cell: (row) => t(`users.role.${row.role}`) },
    { name: "projects", isNumber: true, priority: 3, cell: (row) => html`<${Count} value=${row.projects.data.length} />` },
    { name: "added_at", isNumber: true, cell: (row) => html`<${Time} at=${row.added_at} />` },
  ],
  fields: [
    { name: "email", cell: (row) => html`<${Name} text=${row.email} />` },
    { name: "role", cell: (row) => t(`users.field.role.${row.role}`) },
    { name: "added_at", cell: (row) => html`<${Time} at=${row.added_at} full=${true} />` },
    { name: "projects", cell: (row) => html`<${Projects} projects=${row.projects.data} />` },
  ],
  form: [{ name: "role", kind: "select", options: ["owner", "reader"], required: true }],
};

/** @param {{projects: {id: string, name: string, role: string}[]}} props */
function Projects({ projects }) {
  if (!projects.length) return html`<span class="muted">${t("users.no-projects")}</span>`;
  return html`<ul class="stack-small">${projects.map((one) => html`<li key=${one.id} class="inline"><a href=${hrefOf(`projects/${one.id}?tab=members`)}><${Name} text=${one.name} /></a><span class="muted">${t(`users.project-role.${one.role}`)}</span></li>`)}</ul>`;
}
