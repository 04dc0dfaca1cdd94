import { t } from "../../text/texts.js";
import { Money } from "../../ui/values.js";
import { html } from "../../ui/view.js";

const MILLION = 1_000_000;

/** The price of one million tokens; a dash where it is unknown. @param {{pricing: any, name: string}} props */
export function Price({ pricing, name }) {
  const unit = pricing?.units.find((/** @type {any} */ one) => one.name === name);
  if (!unit) return html`<span class="muted">—</span>`;
  const dollars = unit.measure === "token" ? (unit.price * MILLION) / unit.per : unit.price / unit.per;
  return html`<span class="nowrap"><${Money} dollars=${dollars} />${unit.measure !== "token" && html` <span class="muted">${t("models.per", { measure: unit.measure })}</span>`}</span>`;
}
