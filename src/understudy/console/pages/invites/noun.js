import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Badge, Id, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { ProjectRoles } from "./project_roles.js";

/** Addresses that may sign in for the first time. @type {import("../../ui/noun/noun.js").Noun} */
export const INVITES = {
  name: "invites",
  path: "/organization/invites",
  icon: "mail",
  title: (row) => row.email,
  canEdit: false,
  canDelete: true,
  columns: [
    { name: "email", isMain: true, cell: (row) => html`<${Name} text=${row.email} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "role", priority: 2, cell: (row) => t(`invites.role.${row.role}`) },
    { name: "expires_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.expires_at} />` },
    { name: "created_at", isNumber: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "role", cell: (row) => t(`invites.role.${row.role}`) },
    { name: "projects", cell: (row) => html`<${Projects} projects=${row.projects} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "expires_at", cell: (row) => html`<${Time} at=${row.expires_at} full=${true} />` },
    { name: "accepted_at", cell: (row) => html`<${Time} at=${row.accepted_at} full=${true} />` },
  ],
  form: [
    { name: "email", kind: "text", required: true },
    { name: "role", kind: "select", options: ["reader", "owner"], initial: "reader", required: true },
    { name: "projects", kind: "json", control: ProjectRoles },
  ],
};

/** @param {{projects: {id: string, role: string}[]}} props */
function Projects({ projects }) {
  if (!projects.length) return html`<span class="muted">${t("invites.no-projects")}</span>`;
  return html`<ul>${projects.map((one) => html`<li key=${one.id} class="inline"><a href=${hrefOf(`projects/${one.id}`)}><${Id} id=${one.id} link=${false} copy=${false} /></a><span class="muted">${t(`invites.project-role.${one.role}`)}</span></li>`)}</ul>`;
}
