/** Limits in words. */
import { NO_LIMIT } from "../../lib/limits.js";
import { hasText, t } from "../../text/texts.js";
import { Bytes, Count } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {string} name a member of the API's limits */
export function metricLabel(name) {
  const key = `limits.metric.${name}`;
  return hasText(key) ? t(key) : name.replaceAll("_", " ");
}

/** @param {{name: string, amount: number | null | undefined}} props `amount`: null is without a limit */
export function Amount({ name, amount }) {
  if (amount === null || amount === undefined || amount >= NO_LIMIT) return html`<span class="muted">${t("limits.none")}</span>`;
  return name.endsWith("_bytes") ? html`<${Bytes} bytes=${amount} />` : html`<${Count} value=${amount} />`;
}
