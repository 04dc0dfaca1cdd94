import { hasText, t } from "../../text/texts.js";
import { Count } from "../values.js";
import { html } from "../view.js";

/** The name of a kind of object, such as `vector_store`. @param {string} kind */
const kindLabel = (kind) => (hasText(`transfers.kind.${kind}`) ? t(`transfers.kind.${kind}`) : kind.replaceAll("_", " "));

/**
 * Numbers of objects by kind. Columns without numbers are left out.
 *
 * @param {{columns: readonly {label: string, counts: Record<string, number>}[], label: string}} props
 */
export function CountTable({ columns, label }) {
  const filled = columns.filter(({ counts }) => Object.keys(counts).length > 0);
  const kinds = [...new Set(filled.flatMap(({ counts }) => Object.keys(counts)))];
  if (!kinds.length) return null;
  return html`<section class="stack-small"><h2 class="section-title">${label}</h2><div class="table-frame"><table class="figures transfer-counts" aria-label=${label}>
    <thead><tr><th scope="col">${t("transfers.kind")}</th>${filled.map((column) => html`<th key=${column.label} scope="col" class="number">${column.label}</th>`)}</tr></thead>
    <tbody>${kinds.map((kind) => html`<tr key=${kind}><th scope="row">${kindLabel(kind)}</th>${filled.map((column) => html`<td key=${column.label} class="number"><${Count} value=${column.counts[kind] ?? 0} /></td>`)}</tr>`)}</tbody></table></div></section>`;
}
