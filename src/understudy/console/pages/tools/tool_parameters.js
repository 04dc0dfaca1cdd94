import { t } from "../../text/texts.js";
import { html } from "../../ui/view.js";

/** The parameters of a tool, from its JSON schema. @param {{schema: any}} props */
export function ToolParameters({ schema }) {
  const isRequired = (/** @type {string} */ name) => schema.required?.includes(name) ?? false;
  const rows = Object.entries(schema.properties ?? {}).sort(([a], [b]) => Number(isRequired(b)) - Number(isRequired(a)));
  if (!rows.length) return html`<p class="muted">${t("tools.no-parameters")}</p>`;
  return html`<section class="stack-small" aria-label=${t("tools.parameters")}><h2>${t("tools.parameters")}</h2><dl class="parameters">${rows.map(([name, one]) => html`<div key=${name}>
    <dt><span class="mono">${name}</span> <span class="muted">${typeOf(one)}${isRequired(name) ? ` · ${t("tools.required")}` : ""}</span></dt><dd>${/** @type {any} */ (one).description}</dd></div>`)}</dl></section>`;
}

/** @param {any} schema @returns {string} */
function typeOf(schema) {
  if (schema.enum) return schema.enum.length > 6 ? "enum" : schema.enum.map((/** @type {unknown} */ one) => JSON.stringify(one)).join(" | ");
  return schema.type ?? (schema.anyOf ?? schema.oneOf ?? []).map(typeOf).join(" | ");
}
