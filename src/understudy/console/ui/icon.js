import { ICONS } from "../vendor/icons.js";
import { html } from "./view.js";

/**
 * A decorative icon; the text beside it, or the label of its button, has its meaning.
 *
 * @param {{name: string, size?: number, class?: string}} props
 */
export function Icon({ name, size = 16, class: extra = "" }) {
  const shapes = ICONS[name] ?? ICONS.square ?? [];
  return html`<svg class="icon ${extra}" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
    stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
  >${shapes.map(([tag, attributes]) => html`<${tag} ...${attributes} />`)}</svg>`;
}
