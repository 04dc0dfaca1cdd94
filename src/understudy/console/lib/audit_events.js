/** Entries of the audit log. Knows no browser. */

/** Every type of entry that this server writes. */
export const EVENT_TYPES = [
  "api_key.created", "api_key.updated", "api_key.deleted",
  "project.created", "project.updated", "project.archived",
  "service_account.created", "service_account.updated", "service_account.deleted",
  "user.added", "user.updated", "user.deleted", "invite.sent", "invite.accepted", "invite.deleted",
  "login.succeeded", "login.failed", "logout.succeeded",
  "rate_limit.updated", "organization.updated", "understudy.credits.granted", "understudy.settings.reloaded",
];
/** The actor of changes by the command line of the server's machine. */
export const OPERATOR = "user-operator";

/**
 * Who made the change of an entry.
 *
 * @param {any} entry
 * @returns {{kind: "admin-key" | "operator" | "user", id: string, name: string | null, address: string | null}}
 */
export function actorOf({ actor }) {
  if (actor.type === "api_key") return { kind: "admin-key", id: actor.api_key.id, name: null, address: null };
  const { user = {}, ip_address: address } = actor.session ?? {};
  return { kind: user.id === OPERATOR ? "operator" : "user", id: user.id ?? "", name: user.email ?? null, address: address || null };
}

/** What the change was about: the member that is named like the type. @param {any} entry @returns {{id: string, [member: string]: any}} */
export const detailsOf = (entry) => entry[entry.type] ?? { id: "" };

/**
 * The page of what was changed, or null if it has none.
 *
 * @param {any} entry
 */
export function pathOfResource(entry) {
  const [noun, verb] = entry.type.split(".");
  const { id } = detailsOf(entry);
  if (!id || verb === "deleted") return null;
  if (noun === "project" || noun === "understudy") return `projects/${entry.project?.id ?? id}`;
  if (noun === "api_key") return entry.project ? `projects/${entry.project.id}/keys/${id}` : `admin-keys/${id}`;
  if (noun === "user" || noun === "invite") return `${noun}s/${id}`;
  return noun === "service_account" && entry.project ? `projects/${entry.project.id}/service-accounts/${id}` : null;
}
