/** What stays while pages change: navigation, banners, dialogs, and the sign-in in front of everything. */
import { canUse, isSessionOver, isSignedIn, rejectedKind } from "../state/session.js";
import { t } from "../text/texts.js";
import { StatusLine } from "../ui/announce.js";
import { Banners } from "../ui/banners.js";
import { ConfirmOutlet } from "../ui/confirm.js";
import { Lazy, useModule } from "../ui/lazy.js";
import { html, useEffect, useState } from "../ui/view.js";
import { startBuffer } from "./early_keys.js";
import { Navigation, navLabel } from "./navigation.js";
import { PageOutlet } from "./page_outlet.js";
import { navigate, route } from "./router.js";
import { canOpen, ROUTES } from "./routes.js";
import { useShortcuts } from "./shortcuts.js";

const loadPalette = async () => (await import("./palette.js")).Palette;
const loadHelp = async () => (await import("./help.js")).Help;
const loadSignIn = async () => (await import("./sign_in.js")).SignIn;
const loadRejectedKey = async () => (await import("./sign_in.js")).RejectedKey;
const loadEndedSession = async () => (await import("./sign_in.js")).EndedSession;

export function Shell() {
  return isSignedIn() ? html`<${Frame} />` : html`<${Lazy} load=${loadSignIn} /><${StatusLine} />`;
}

function Frame() {
  const [open, setOpen] = useState(/** @type {"palette" | "help" | null} */ (null));
  const close = () => setOpen(null);
  // Loaded before it is opened: what is typed right after its key is for it.
  const Palette = useModule(loadPalette);
  const openPalette = () => {
    if (!Palette) startBuffer();
    setOpen("palette");
  };
  const startsWithProjects = route.value.path === "" && !canUse("project") && canUse("admin");
  useEffect(() => {
    if (startsWithProjects) navigate("projects", { replace: true });
  }, [startsWithProjects]);
  useShortcuts([
    { key: "mod+k", label: t("palette.title"), run: openPalette },
    { key: "?", label: t("help.title"), run: () => setOpen("help") },
    ...ROUTES.filter((row) => row.key && canOpen(row)).map((row) => ({ key: `g ${row.key}`, label: t("nav.go-to", { page: navLabel(row) }), run: () => navigate(row.path) })),
  ], { isOfPage: false });
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skipToMain}>${t("nav.skip")}</a>
    <${Banners} />
    <${Navigation} onPalette=${openPalette} />
    <main class="main" id="main" tabindex="-1"><${PageOutlet} /></main>
    ${open === "palette" && Palette && html`<${Palette} onClose=${close} />`}
    ${open === "help" && html`<${Lazy} load=${loadHelp} onClose=${close} />`}
    ${rejectedKind.value && html`<${Lazy} load=${loadRejectedKey} kind=${rejectedKind.value} />`}
    ${isSessionOver.value && html`<${Lazy} load=${loadEndedSession} />`}
    <${ConfirmOutlet} />
    <${StatusLine} />
  </div>`;
}

/** @param {Event} event */
function skipToMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
