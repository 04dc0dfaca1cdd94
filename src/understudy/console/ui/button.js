import { hrefOf } from "../app/router.js";
import { Icon } from "./icon.js";
import { html } from "./view.js";

/**
 * @typedef {object} ButtonProps
 * @property {any} [children]
 * @property {string} [icon]
 * @property {"primary" | "danger" | "plain" | "quiet"} [kind]
 * @property {string} [label] of a button that has only an icon; also its tooltip
 * @property {string} [shortcut] named in the tooltip
 * @property {() => void} [onClick]
 * @property {boolean} [disabled]
 * @property {boolean} [busy] it works, and cannot be pressed again
 * @property {"button" | "submit"} [type]
 * @property {string} [href] the path of a page, which makes it a link
 * @property {string} [class]
 * @property {boolean | undefined} [expanded]
 * @property {boolean | undefined} [pressed]
 * @property {string} [haspopup]
 * @property {boolean} [autofocus] of the safe choice in a dialog
 */

/** @param {ButtonProps} props */
export function Button(props) {
  const { children, icon, kind = "plain", label, shortcut, busy = false, href } = props;
  const title = [label, shortcut && `(${shortcut})`].filter(Boolean).join(" ") || undefined;
  const hasText = children !== undefined && children !== null && children !== false;
  const name = `button is-${kind} ${hasText ? "" : "is-icon"} ${props.class ?? ""}`;
  const content = html`${(busy || icon) && html`<${Icon} name=${busy ? "loader-circle" : icon} class=${busy ? "is-spinning" : ""} />`}${hasText && html`<span>${children}</span>`}`;
  if (href !== undefined) return html`<a class=${name} href=${hrefOf(href)} title=${title} aria-label=${label}>${content}</a>`;
  return html`<button class=${name} type=${props.type ?? "button"} title=${title} aria-label=${label}
    aria-busy=${busy || undefined} aria-expanded=${props.expanded} aria-pressed=${props.pressed}
    aria-haspopup=${props.haspopup} disabled=${props.disabled || busy} autofocus=${props.autofocus} onClick=${props.onClick}>${content}</button>`;
}
