/** What the key of this tab may not do: pages leave out what the server would refuse, and name the scope. */
import { kindOfPath } from "../lib/key_kinds.js";
import { writeScopeOf } from "../lib/scopes.js";
import { t } from "../text/texts.js";
import { Icon } from "./icon.js";
import { useServer } from "./server.js";
import { html } from "./view.js";

/**
 * The scope that the key lacks to change objects at a path of the API; null if it may change them, or as long as that is
 * not known. Admin keys and people have no scopes.
 *
 * @param {string} path
 * @returns {string | null}
 */
export function useMissingScope(path) {
  const scopes = useServer()?.key?.scopes ?? [];
  const scope = writeScopeOf(path);
  const isRestricted = scopes.length > 0 && kindOfPath(path, { project: true, admin: false }) === "project";
  return isRestricted && !scopes.includes(scope) ? scope : null;
}

/** Why a page has no buttons that change something. @param {{scope: string | null}} props the scope that is missing */
export function ReadOnlyNote({ scope }) {
  return scope !== null && html`<p class="muted inline"><${Icon} name="circle-slash" /><span>${t("ui.read-only", { scope })}</span></p>`;
}
