import { Button } from "./button.js";
import { Icon } from "./icon.js";
import { html, useEffect, useRef, useState } from "./view.js";

/** @typedef {{label: string, icon?: string, run: () => void, danger?: boolean, disabled?: boolean}} MenuItem */

/**
 * A button that opens a list of actions. Arrow keys move, Esc closes.
 *
 * @param {{label: string, items: (MenuItem | null | undefined | false)[], icon?: string, children?: any}} props
 */
export function Menu({ label, items, icon = "ellipsis", children }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = (/** @type {Event} */ event) => {
      if (!root.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    if (root.current) moveFocus(root.current, 1);
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    if (!isOpen) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (step) moveFocus(root.current, step);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const rows = items.filter((item) => item !== null && item !== undefined && item !== false);
  return html`<div class="menu" ref=${root} onKeyDown=${move}>
    <${Button} kind=${children ? "plain" : "quiet"} icon=${icon} label=${label} haspopup="menu" expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${children}<//>
    ${isOpen && html`<div class="menu-list" role="menu" aria-label=${label}>${rows.map((item) => html`<button key=${item.label} type="button" role="menuitem"
      class=${item.danger ? "is-danger" : ""} disabled=${item.disabled} onClick=${() => { close(); item.run(); }}>
      ${item.icon && html`<${Icon} name=${item.icon} />`}<span>${item.label}</span></button>`)}</div>`}
  </div>`;
}

/** @param {HTMLElement | null} root @param {number} step */
function moveFocus(root, step) {
  const items = /** @type {HTMLElement[]} */ ([...(root?.querySelectorAll("[role=menuitem]:not(:disabled)") ?? [])]);
  const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  items[(index + step + items.length) % items.length]?.focus();
}
