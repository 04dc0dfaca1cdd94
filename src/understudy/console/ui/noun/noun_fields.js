import { t } from "../../text/texts.js";
import { html } from "../view.js";

/** The fields of one object, as terms and their values. @param {{noun: import("./noun.js").Noun, row: import("./noun.js").Row}} props */
export function NounFields({ noun, row }) {
  return html`<dl class="fields">${noun.fields.map((field) => html`<div key=${field.name} class=${field.isWide ? "is-wide" : ""}>
    <dt>${t(`${noun.name}.field.${field.name}`)}</dt><dd>${field.cell(row)}</dd></div>`)}</dl>`;
}
