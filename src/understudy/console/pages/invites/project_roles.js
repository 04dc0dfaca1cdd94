import { revealControls } from "../../lib/format.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Select } from "../../ui/field.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";

const ROLES = ["", "member", "owner"];

/**
 * A role in each project, as the JSON of a list of `{id, role}`.
 *
 * @param {import("../../ui/field.js").FieldProps & {value: string, onInput: (text: string) => void}} props
 */
export function ProjectRoles({ label, hint, error, value, onInput }) {
  const { data, error: failure, reload } = useResource("/organization/projects", { limit: 100 });
  const chosen = /** @type {{id: string, role: string}[]} */ (value ? JSON.parse(value) : []);
  const choose = (/** @type {string} */ id, /** @type {string} */ role) => {
    const next = [...chosen.filter((one) => one.id !== id), ...(role ? [{ id, role }] : [])];
    onInput(next.length ? JSON.stringify(next) : "");
  };
  return html`<fieldset class="field"><legend class="field-legend">${label}</legend>
    ${hint && html`<p class="field-hint">${hint}</p>`}
    ${failure !== null && html`<${ErrorNote} error=${failure} onRetry=${reload} />`}
    ${!data && failure === null && html`<${Skeleton} rows=${2} />`}
    ${data && html`<div class="scopes-grid">${data.data.map((/** @type {any} */ project) => html`<${Select} key=${project.id} label=${html`<bdi>${revealControls(project.name)}</bdi>`} value=${chosen.find((one) => one.id === project.id)?.role ?? ""}
      onInput=${(/** @type {string} */ role) => choose(project.id, role)} options=${ROLES.map((role) => ({ value: role, label: t(`invites.project-role.${role || "none"}`) }))} />`)}</div>`}
    ${error && html`<p class="field-error">${error}</p>`}</fieldset>`;
}
