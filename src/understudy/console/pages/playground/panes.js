/** The three panes of a playground: settings, the log with its composer, and passages. On small screens two are sheets. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Lazy } from "../../ui/lazy.js";
import { Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";

const loadPassages = async () => (await import("../../ui/passage/passage_pane.js")).PassagePane;

/**
 * @param {{title: string, pane: any, isPaneOpen: boolean, onPaneClose: () => void,
 *   passages: import("../../ui/passage/passage_pane.js").PassageSource | null,
 *   onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource | null) => void, children?: any}} props `title` is that of the pane
 */
export function Panes({ title, pane, isPaneOpen, onPaneClose, passages, onPassages, children }) {
  const isWide = matchMedia("(min-width: 64rem)").matches;
  return html`<div class="playground ${passages && isWide ? "has-side" : ""}">
      <aside class="playground-assistant" aria-label=${title}>${pane}</aside>
      <div class="playground-main">${children}</div>
      ${passages && isWide && html`<aside class="playground-side" aria-label=${t("passages.title")}><div class="inline"><h2>${t("passages.title")}</h2><span class="spring"></span>
        <${Button} kind="quiet" icon="x" label=${t("ui.close")} onClick=${() => onPassages(null)} /></div><${Lazy} load=${loadPassages} before=${html`<${Skeleton} rows=${4} />`} source=${passages} /></aside>`}
    </div>
    ${passages && !isWide && html`<${Dialog} kind="sheet" title=${t("passages.title")} onClose=${() => onPassages(null)}><${Lazy} load=${loadPassages} before=${html`<${Skeleton} rows=${4} />`} source=${passages} /><//>`}
    ${isPaneOpen && html`<${Dialog} kind="sheet" title=${title} onClose=${onPaneClose}>${pane}<//>`}`;
}
