/** Links between imports, exports and deletions, which share an entry of the navigation. */
import { hrefOf, route } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { html } from "../view.js";

const PATHS = ["imports", "exports", "deletions"];

export function TransferTabs() {
  return html`<nav class="tabs" aria-label=${t("nav.imports")}>${PATHS.map((path) => html`<a key=${path} href=${hrefOf(path)} aria-current=${route.value.path === path ? "page" : undefined}>${t(`transfers.tab.${path}`)}</a>`)}</nav>`;
}
