/** The parts of the playground, as links. */
import { hrefOf, route } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

const MODES = [
  { path: "playground", label: "playground.mode.assistants" },
  { path: "playground/responses", label: "playground.mode.responses" },
  { path: "playground/compare", label: "playground.mode.compare" },
];

export function ModeTabs() {
  return html`<nav class="tabs" aria-label=${t("playground.modes")}>${MODES.map(({ path, label }) => html`<a key=${path} href=${hrefOf(path)} aria-current=${route.value.path === path ? "page" : undefined}>${t(label)}</a>`)}</nav>`;
}
