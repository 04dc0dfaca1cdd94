/** Links between imports, exports and deletions, which share an entry of the navigation. */
import { t } from "../../text/texts.js";
import { LinkTabs } from "../link_tabs.js";
import { html } from "../view.js";

const PATHS = ["imports", "exports", "deletions"];

export function TransferTabs() {
  return html`<${LinkTabs} label=${t("nav.imports")} tabs=${PATHS.map((path) => ({ path, label: t(`transfers.tab.${path}`) }))} />`;
}
