/**
 * Every page of the console: one row a page, sorted by `group`, then `order`. Rows with `icon` are in the navigation.
 * `page` is the module below `pages/`, whose folder also names the page's texts. `under` is the row of the navigation that
 * the page belongs to, unless its path begins with it. `access` is the kind of key that opens the page, a project's key
 * unless it is set.
 *
 * @typedef {{path: string, page: string, under?: string, icon?: string, key?: string, group?: number, order?: number,
 *   access?: "admin" | "any"}} RouteRow
 */
import { canUse, ownsProject } from "../state/session.js";

/** The group of the navigation that only an admin key has. */
export const ADMIN_GROUP = 5;

/** @type {RouteRow[]} */
export const ROUTES = [
  { path: "", page: "start/start" },
  { path: "playground", page: "playground/playground", icon: "flask-conical", key: "p", group: 1, order: 1 },
  { path: "playground/responses", page: "playground/responses" },
  { path: "playground/compare", page: "playground/compare" },
  { path: "threads", page: "threads/list", icon: "messages-square", key: "t", group: 1, order: 2 },
  { path: "threads/:id", page: "threads/detail" },
  { path: "conversations", page: "conversations/list", icon: "message-circle", group: 1, order: 5 },
  { path: "conversations/:id", page: "conversations/detail" },
  { path: "runs", page: "runs/list", icon: "activity", key: "r", group: 1, order: 3 },
  { path: "runs/compare", page: "runs/compare" },
  { path: "runs/:id", page: "runs/redirect" },
  { path: "threads/:thread/runs/:id", page: "runs/detail", under: "runs" },
  { path: "assistants", page: "assistants/list", icon: "bot", key: "a", group: 2, order: 1 },
  { path: "assistants/:id", page: "assistants/detail" },
  { path: "vector-stores", page: "vector_stores/list", icon: "database", key: "v", group: 2, order: 3 },
  { path: "vector-stores/:id", page: "vector_stores/detail" },
  { path: "vector-stores/:store/files/:id", page: "vector_stores/file" },
  { path: "files", page: "files/list", icon: "files", key: "f", group: 2, order: 2 },
  { path: "files/:id", page: "files/detail" },
  { path: "usage", page: "usage/usage", icon: "chart-column", key: "u", group: 4, order: 1, access: "any" },
  { path: "batches", page: "batches/list", icon: "layers", key: "b", group: 2, order: 4 },
  { path: "batches/:id", page: "batches/detail" },
  { path: "responses", page: "responses/list", icon: "message-square", group: 2, order: 5 },
  { path: "responses/:id", page: "responses/detail" },
  { path: "completions", page: "completions/list", icon: "scroll-text", group: 2, order: 6 },
  { path: "completions/:id", page: "completions/detail" },
  { path: "containers", page: "containers/list", icon: "container", group: 2, order: 7 },
  { path: "containers/:id", page: "containers/detail" },
  { path: "videos", page: "videos/list", icon: "clapperboard", group: 2, order: 8 },
  { path: "videos/:id", page: "videos/detail" },
  { path: "webhooks", page: "webhooks/list", icon: "webhook", group: 3, order: 1 },
  { path: "webhooks/:id", page: "webhooks/detail" },
  { path: "deliveries", page: "deliveries/list", under: "webhooks" },
  { path: "deliveries/:id", page: "deliveries/detail", under: "webhooks" },
  { path: "models", page: "models/list", icon: "cpu", group: 3, order: 2 },
  { path: "models/:id", page: "models/detail" },
  { path: "tools", page: "tools/list", icon: "wrench", group: 3, order: 3 },
  { path: "tools/:id", page: "tools/detail" },
  { path: "imports", page: "imports/list", icon: "import", key: "i", group: 3, order: 4 },
  { path: "imports/:id", page: "imports/detail" },
  { path: "exports", page: "exports/list", under: "imports" },
  { path: "exports/:id", page: "exports/detail", under: "imports" },
  { path: "deletions", page: "deletions/list", under: "imports" },
  { path: "deletions/:id", page: "deletions/detail", under: "imports" },
  { path: "health", page: "health/health", icon: "heart-pulse", key: "h", group: 4, order: 2, access: "any" },
  { path: "projects", page: "projects/list", icon: "folder", key: "o", group: ADMIN_GROUP, order: 1, access: "admin" },
  { path: "projects/:id", page: "projects/detail", access: "admin" },
  { path: "projects/:project/keys/:id", page: "keys/detail", access: "admin" },
  { path: "projects/:project/service-accounts/:id", page: "service_accounts/detail", access: "admin" },
  { path: "projects/:project/members/:id", page: "members/detail", access: "admin" },
  { path: "users", page: "users/list", icon: "users", group: ADMIN_GROUP, order: 2, access: "admin" },
  { path: "users/:id", page: "users/detail", access: "admin" },
  { path: "invites", page: "invites/list", under: "users", access: "admin" },
  { path: "invites/:id", page: "invites/detail", under: "users", access: "admin" },
  { path: "admin-keys", page: "admin_keys/list", icon: "key", group: ADMIN_GROUP, order: 3, access: "admin" },
  { path: "admin-keys/:id", page: "admin_keys/detail", access: "admin" },
  { path: "audit-log", page: "audit_log/list", icon: "shield", key: "l", group: ADMIN_GROUP, order: 4, access: "admin" },
  { path: "audit-log/:at/:id", page: "audit_log/detail", access: "admin" },
  { path: "settings", page: "settings/settings", key: "s", access: "any" },
];

/** The kind of key that a page needs, or any. @param {RouteRow} row */
export const accessOf = (row) => row.access ?? "project";

/** Whether the keys of this tab open a page. @param {RouteRow} row */
export function canOpen(row) {
  const access = accessOf(row);
  return access === "any" || canUse(access) || (access === "admin" && row.path.startsWith("projects/:") && ownsProject());
}
