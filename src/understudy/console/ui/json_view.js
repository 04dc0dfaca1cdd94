/** JSON as a folded tree of text. Only open branches are in the page, and long ones in slices. */
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy_button.js";
import { Icon } from "./icon.js";
import { html, useState } from "./view.js";

const SLICE = 100;
const MOST_DEPTH = 64;
const MOST_CHARACTERS = 2_000;

/** @param {{value: unknown, label?: string, depth?: number}} props `depth` levels are open at first */
export function JsonView({ value, label, depth = 2 }) {
  return html`<figure class="json"><figcaption>${label ?? "JSON"}<span class="spring"></span><${CopyButton} text=${() => JSON.stringify(value, null, 2)} /></figcaption>
    <div class="json-tree" dir="ltr" tabindex="0" role="group" aria-label=${label ?? "JSON"}><${JsonNode} value=${value} open=${depth} level=${0} isLast=${true} /></div></figure>`;
}

/** @param {{name?: string, value: unknown, open: number, level: number, isLast: boolean}} props */
function JsonNode({ name, value, open, level, isLast }) {
  const key = name !== undefined && html`<span class="json-key">${JSON.stringify(name)}</span>: `;
  const comma = isLast ? "" : ",";
  if (value === null || typeof value !== "object") return html`<div class="json-line">${key}<${JsonScalar} value=${value} />${comma}</div>`;
  return html`<${JsonBranch} prefix=${key} value=${value} open=${open} level=${level} comma=${comma} />`;
}

/** @param {{prefix: any, value: object, open: number, level: number, comma: string}} props */
function JsonBranch({ prefix, value, open, level, comma }) {
  const entries = Object.entries(value);
  const [isOpen, setOpen] = useState(open > 0 && entries.length <= SLICE);
  const [count, setCount] = useState(SLICE);
  const isList = Array.isArray(value);
  const [start, end] = isList ? "[]" : "{}";
  if (!entries.length) return html`<div class="json-line">${prefix}${start}${end}${comma}</div>`;
  if (level >= MOST_DEPTH) return html`<div class="json-line">${prefix}<span class="muted">${t("ui.json-too-deep")}</span>${comma}</div>`;
  const toggle = html`<button type="button" class="json-toggle" aria-expanded=${isOpen} aria-label=${t(isOpen ? "ui.fold" : "ui.unfold")} onClick=${() => setOpen(!isOpen)}><${Icon} name=${isOpen ? "chevron-down" : "chevron-right"} size=${12} /></button>`;
  if (!isOpen) return html`<div class="json-line has-toggle">${toggle}${prefix}${start}<button type="button" class="json-more" onClick=${() => setOpen(true)}>${t("ui.entries", { count: entries.length })}</button>${end}${comma}</div>`;
  return html`<div class="json-line has-toggle">${toggle}${prefix}${start}</div>
    <div class="json-children">${entries.slice(0, count).map(([name, child], index) => html`<${JsonNode} key=${name} name=${isList ? undefined : name} value=${child} open=${open - 1} level=${level + 1} isLast=${index === entries.length - 1} />`)}
      ${entries.length > count && html`<${Button} kind="quiet" onClick=${() => setCount(count + SLICE * 10)}>${t("ui.more-entries", { count: entries.length - count })}<//>`}</div>
    <div class="json-line">${end}${comma}</div>`;
}

/** @param {{value: unknown}} props */
function JsonScalar({ value }) {
  const [isWhole, setWhole] = useState(false);
  const text = JSON.stringify(value) ?? "null";
  const kind = typeof value === "string" ? "string" : typeof value === "number" ? "number" : "literal";
  if (isWhole || text.length <= MOST_CHARACTERS) return html`<span class="json-${kind}">${text}</span>`;
  return html`<span class="json-${kind}">${text.slice(0, MOST_CHARACTERS)}…</span> <button type="button" class="json-more" onClick=${() => setWhole(true)}>${t("ui.show-all-characters", { count: text.length })}</button>`;
}
