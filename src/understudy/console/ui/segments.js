import { html } from "./view.js";

/**
 * A choice between a few values, as buttons in one frame.
 *
 * @param {{label: string, value: string, options: readonly {value: string, label: string}[], onChange: (value: string) => void}} props
 */
export function Segments({ label, value, options, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map((one) => html`<button key=${one.value} type="button"
    aria-pressed=${one.value === value} onClick=${() => onChange(one.value)}>${one.label}</button>`)}</div>`;
}
