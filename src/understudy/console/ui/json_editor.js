import { parseJson } from "../lib/json_errors.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { Field } from "./field.js";
import { html, useMemo, useRef } from "./view.js";

/**
 * A field for JSON with line numbers. Errors name their line.
 *
 * @param {{label: string, value: string, onInput: (text: string) => void, hint?: string, rows?: number,
 *   validate?: (value: any) => string | null, error?: string | null, required?: boolean}} props `validate` judges what
 *   parses, `error` is the server's
 */
export function JsonEditor({ label, value, onInput, hint, rows = 8, validate, error, required }) {
  const parsed = useMemo(() => parseJson(value || "null"), [value]);
  const numbers = useRef(/** @type {HTMLElement | null} */ (null));
  const problem = parsed.ok ? (error ?? validate?.(parsed.value) ?? null) : t("ui.json-error", { line: parsed.line, detail: parsed.message });
  const format = () => parsed.ok && onInput(JSON.stringify(parsed.value, null, 2));
  /** @param {any} event */
  const follow = (event) => {
    if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
  };
  const lines = value.split("\n").length;
  return html`<${Field} label=${label} hint=${hint} error=${problem} required=${required}>${(/** @type {object} */ attributes) => html`
    <div class="json-editor"><div class="json-numbers" aria-hidden="true" ref=${numbers}>${Array.from({ length: lines }, (_, index) => html`<span class=${!parsed.ok && parsed.line === index + 1 ? "is-error" : ""}>${index + 1}</span>`)}</div>
      <textarea class="input mono" ...${attributes} rows=${rows} value=${value} spellcheck="false" autocapitalize="off" wrap="off" dir="ltr" onScroll=${follow}
        onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}></textarea></div>
    <div class="inline"><${Button} kind="quiet" icon="braces" disabled=${!parsed.ok || !value} onClick=${format}>${t("ui.format-json")}<//></div>`}<//>`;
}
