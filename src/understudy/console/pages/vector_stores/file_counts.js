import { t } from "../../text/texts.js";
import { Badge, Count } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** How many files a store has, and those that are not indexed. @param {{counts: Record<string, number>}} props */
export function FileCounts({ counts }) {
  const others = ["in_progress", "failed", "cancelled"].filter((name) => counts[name]);
  return html`<span class="tags"><${Count} value=${counts.total} />
    ${others.map((name) => html`<${Badge} key=${name} state=${name} label=${t(`vector-stores.count.${name}`, { count: counts[name] ?? 0 })} />`)}</span>`;
}
