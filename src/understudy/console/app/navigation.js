/** The navigation: a list, icons alone on a middle screen, a bar below on a small one. */
import { currentZone } from "../state/settings.js";
import { endSession, person } from "../state/session.js";
import { clearDrafts } from "../state/drafts.js";
import { forgetPagers } from "../api/pager.js";
import { t } from "../text/texts.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { html, useEffect, useState } from "../ui/view.js";
import { AccountLink } from "./account.js";
import { ASSETS } from "./base.js";
import { hrefOf, route } from "./router.js";
import { ADMIN_GROUP, canOpen, ROUTES } from "./routes.js";

const BAR_LENGTH = 3;

/** The rows with an icon, in their groups. */
const ROWS = ROUTES.filter((row) => row.icon).sort((a, b) => (a.group ?? 0) - (b.group ?? 0) || (a.order ?? 0) - (b.order ?? 0));

/** @param {import("./routes.js").RouteRow} row */
export function navLabel(row) {
  return t(`nav.${row.path || "start"}`);
}

/** @param {{onPalette: () => void}} props */
export function Navigation({ onPalette }) {
  const [isMoreOpen, setMoreOpen] = useState(false);
  const { path } = route.value;
  useEffect(() => setMoreOpen(false), [path]);
  return html`<nav class="nav" aria-label=${t("nav.label")}>
    <a class="nav-brand" href=${hrefOf("")}><img src="${ASSETS}icon.svg" alt="" /><span>Understudy</span></a>
    <div class="nav-list"><${Groups} path=${path} /></div>
    <div class="nav-foot"><${FootLinks} path=${path} onPalette=${onPalette} /></div>
    <div class="nav-bar">${ROWS.filter(canOpen).slice(0, BAR_LENGTH).map((row) => html`<${NavLink} key=${row.path} row=${row} path=${path} />`)}
      <button type="button" class="nav-link" aria-haspopup="dialog" onClick=${() => setMoreOpen(true)}><${Icon} name="menu" /><span>${t("nav.more")}</span></button></div>
    ${isMoreOpen && html`<${Dialog} kind="sheet" title=${t("nav.label")} class="more-sheet" onClose=${() => setMoreOpen(false)}><${Groups} path=${path} />
      <div class="nav-group"><${FootLinks} path=${path} onPalette=${onPalette} /></div><//>`}
  </nav>`;
}

/** @param {{path: string}} props */
function Groups({ path }) {
  const rows = ROWS.filter(canOpen);
  const groups = [...new Set(rows.map((row) => row.group))];
  return groups.map((group) => html`<div class="nav-group" key=${group} role="group" aria-label=${group === ADMIN_GROUP ? t("nav.administration") : undefined}>
    ${group === ADMIN_GROUP && html`<p class="nav-heading" aria-hidden="true">${t("nav.administration")}</p>`}
    ${rows.filter((row) => row.group === group).map((row) => html`<${NavLink} key=${row.path} row=${row} path=${path} />`)}</div>`);
}

/** @param {{row: import("./routes.js").RouteRow, path: string}} props */
function NavLink({ row, path }) {
  const isCurrent = (route.value.row?.under ?? path.split("/")[0]) === row.path;
  const label = navLabel(row);
  return html`<a class="nav-link" href=${hrefOf(row.path)} aria-current=${isCurrent ? "page" : undefined} title=${row.key ? `${label} (g ${row.key})` : label}><${Icon} name=${row.icon ?? ""} /><span>${label}</span></a>`;
}

/** @param {{path: string, onPalette: () => void}} props */
function FootLinks({ path, onPalette }) {
  const signOut = async () => {
    await clearDrafts();
    forgetPagers();
    endSession();
  };
  return html`<button type="button" class="nav-link" title="${t("palette.title")} (Ctrl K)" onClick=${onPalette}><${Icon} name="search" /><span>${t("palette.title")}</span></button>
    <a class="nav-link" href=${hrefOf("settings")} aria-current=${path === "settings" ? "page" : undefined} title="${t("nav.settings")} (g s)"><${Icon} name="settings" /><span>${t("nav.settings")} · <small>${currentZone()}</small></span></a>
    ${person.value ? html`<${AccountLink} />` : html`<button type="button" class="nav-link" title=${t("nav.sign-out")} onClick=${signOut}><${Icon} name="log-out" /><span>${t("nav.sign-out")}</span></button>`}`;
}
