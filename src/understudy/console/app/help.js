import { changeSettings, settings } from "../state/settings.js";
import { t } from "../text/texts.js";
import { Dialog } from "../ui/dialog.js";
import { Checkbox } from "../ui/field.js";
import { html, useState } from "../ui/view.js";
import { activeShortcuts } from "./shortcuts.js";

/** The shortcuts of this page. @param {{onClose: () => void}} props */
export function Help({ onClose }) {
  const [shortcuts] = useState(activeShortcuts);
  return html`<${Dialog} kind="wide" title=${t("help.title")} onClose=${onClose}>
    <dl class="shortcuts">${shortcuts.map((one) => html`<div key=${one.key}><dt>${one.key.split(" ").map((part) => html`<kbd>${part.replace("mod+", "Ctrl/⌘ ").replace("Escape", "Esc")}</kbd> `)}</dt><dd>${one.label}</dd></div>`)}</dl>
    <${Checkbox} label=${t("help.enabled")} hint=${t("help.enabled.hint")} checked=${settings.value.shortcuts} onChange=${(/** @type {boolean} */ isOn) => changeSettings({ shortcuts: isOn })} />
  <//>`;
}
