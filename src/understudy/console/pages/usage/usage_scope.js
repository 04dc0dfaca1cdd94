/** Whose usage the page shows: that of the project of the tab's key, or that of all projects, which needs an admin key. */
import { route, setQuery } from "../../app/router.js";
import { canUse } from "../../state/session.js";
import { t } from "../../text/texts.js";
import { useResource } from "../../ui/resource.js";
import { Segments } from "../../ui/segments.js";
import { html } from "../../ui/view.js";

const SCOPES = ["project", "all"];

/** The kind of key that reads the usage. @returns {import("../../lib/key_kinds.js").KeyKind} */
export function usageKind() {
  const isAll = route.value.query.get("scope") === "all" || !canUse("project");
  return canUse("admin") && isAll ? "admin" : "project";
}

/** The choice between both, for those who have it. */
export function ScopeChoice() {
  if (!canUse("admin") || !canUse("project")) return null;
  const change = (/** @type {string} */ next) => setQuery({ scope: next === SCOPES[0] ? null : next, by: null, only: null });
  return html`<${Segments} label=${t("usage.scope")} value=${usageKind() === "admin" ? "all" : "project"} onChange=${change} options=${SCOPES.map((value) => ({ value, label: t(`usage.scope.${value}`) }))} />`;
}

/** What names the groups of a report, and the balance, which only a project has. @param {boolean} isProject */
export function useUsageNames(isProject) {
  const keys = useResource(isProject ? "/keys" : null);
  const balance = useResource(isProject ? "/billing/balance" : null);
  const projects = useResource(isProject ? null : "/organization/projects", { limit: 100, include_archived: true });
  return { keys, balance: isProject ? balance.data : undefined, known: [keys, projects].flatMap(({ data }) => data?.data ?? []) };
}
