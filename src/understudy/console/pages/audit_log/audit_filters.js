import { route, setQuery } from "../../app/router.js";
import { EVENT_TYPES, OPERATOR } from "../../lib/audit_events.js";
import { revealControls } from "../../lib/format.js";
import { t } from "../../text/texts.js";
import { ChoiceFilter } from "../../ui/filters.js";
import { useResource } from "../../ui/resource.js";
import { html } from "../../ui/view.js";

/** The filters of the audit log, as parameters of the URL. @param {{keys: any}} props `keys`: the list of admin keys, or null */
export function AuditFilters({ keys }) {
  const projects = useResource("/organization/projects", { limit: 100, include_archived: true });
  const users = useResource("/organization/users", { limit: 100 });
  const actors = [{ value: OPERATOR, label: t("audit-log.actor.operator") }, ...toOptions(keys), ...toOptions(users.data)];
  return html`<${ChoiceFilter} name="type" label=${t("audit-log.filter.type")} options=${EVENT_TYPES.map((value) => ({ value, label: t(`audit-log.event.${value}`) }))} />
    <${ChoiceFilter} name="project" label=${t("audit-log.filter.project")} options=${withChosen("project", toOptions(projects.data))} />
    <${ChoiceFilter} name="actor" label=${t("audit-log.filter.actor")} options=${withChosen("actor", actors)} />
    <${DayFilter} name="from" /><${DayFilter} name="to" />`;
}

/** @param {any} list of projects, keys or users */
const toOptions = (list) => (list?.data ?? []).map((/** @type {any} */ one) => ({ value: one.id, label: revealControls(one.email || one.name || one.id) }));

/** Adds what the URL names and the list lacks. @param {string} name @param {{value: string, label: string}[]} options */
function withChosen(name, options) {
  const value = route.value.query.get(name);
  return !value || options.some((one) => one.value === value) ? options : [...options, { value, label: value }];
}

/** @param {{name: "from" | "to"}} props */
function DayFilter({ name }) {
  const value = route.value.query.get(name) ?? "";
  return html`<label class="day-filter"><span class="muted">${t(`audit-log.filter.${name}`)}</span>
    <input class="input is-inline ${value ? "is-set" : ""}" type="date" value=${value} onChange=${(/** @type {any} */ event) => setQuery({ [name]: event.currentTarget.value || null })} /></label>`;
}
