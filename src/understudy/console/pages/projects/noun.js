import { canUse } from "../../state/session.js";
import { Badge, Id, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** The name of the project that always exists; it can be neither renamed nor archived. */
const DEFAULT_PROJECT = "default";

/** @type {import("../../ui/noun/noun.js").Noun} */
export const PROJECTS = {
  name: "projects",
  path: "/organization/projects",
  icon: "folder",
  title: (row) => row.name || row.id,
  columns: [
    { name: "name", isMain: true, cell: (row) => html`<${Name} text=${row.name} />` },
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "id", priority: 3, cell: (row) => html`<${Id} id=${row.id} link=${false} />` },
    { name: "created_at", isNumber: true, priority: 2, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ],
  fields: [
    { name: "status", cell: (row) => html`<${Badge} state=${row.status} />` },
    { name: "created_at", cell: (row) => html`<${Time} at=${row.created_at} full=${true} />` },
    { name: "archived_at", cell: (row) => html`<${Time} at=${row.archived_at} full=${true} />` },
  ],
  form: [{ name: "name", kind: "text", required: true }],
  canEdit: (row) => canChange(row),
  filters: [{ name: "include_archived", options: ["true"] }],
};

/** Whether a project's keys work, and what belongs to it can be changed. @param {any} project */
export const isActive = (project) => project.status === "active";

/** Whether the organization's decisions about a project can be changed; its owner has its users and keys. @param {any} project */
export const isAdministered = (project) => isActive(project) && canUse("admin");

/** Whether a project can be renamed and archived. @param {any} project */
export const canChange = (project) => isAdministered(project) && project.name !== DEFAULT_PROJECT;
