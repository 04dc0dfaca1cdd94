import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { html, useId, useLayoutEffect, useRef } from "./view.js";

/**
 * A modal dialog. The browser traps the focus and returns it; Esc closes.
 *
 * @param {{title: string, children?: any, actions?: any, onClose: () => void, kind?: "dialog" | "sheet" | "wide",
 *   class?: string}} props a sheet comes from the lower edge of a small screen
 */
export function Dialog({ title, children, actions, onClose, kind = "dialog", class: extra = "" }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  // Before the next key, which belongs to the dialog.
  useLayoutEffect(() => {
    element.current?.showModal();
    const first = element.current?.querySelector("[autofocus], .dialog-body :is(input, textarea, select, button, [tabindex='0'])");
    if (first instanceof HTMLElement) first.focus();
  }, []);
  /** @param {MouseEvent} event */
  const closeOutside = (event) => {
    if (event.target === element.current) onClose();
  };
  return html`<dialog class="dialog is-${kind} ${extra}" ref=${element} aria-labelledby=${id} onClick=${closeOutside}
    onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}>
    <div class="dialog-frame">
      <header class="dialog-head"><h2 id=${id}>${title}</h2><${Button} kind="quiet" icon="x" label=${t("ui.close")} onClick=${onClose} /></header>
      <div class="dialog-body">${children}</div>
      ${actions && html`<footer class="dialog-foot">${actions}</footer>`}
    </div>
  </dialog>`;
}
