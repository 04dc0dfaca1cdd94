import { hasPage, navigate } from "../app/router.js";
import { t } from "../text/texts.js";

/**
 * An entry of a menu that opens the audit log with a filter; false without the right to read it.
 *
 * @param {"project" | "resource" | "actor"} filter
 * @param {string} id
 * @returns {import("./menu.js").MenuItem | false}
 */
export function auditItem(filter, id) {
  return hasPage("audit-log") && { label: t("ui.audit"), icon: "shield", run: () => navigate(`audit-log?${filter}=${encodeURIComponent(id)}`) };
}
