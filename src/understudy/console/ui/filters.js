/** Filters of a list. They are the query of the page's URL, and shown as chips that can be removed. */
import { route, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";
import { t } from "../text/texts.js";
import { Icon } from "./icon.js";
import { html, useEffect, useRef, useState } from "./view.js";

const TYPING_MILLISECONDS = 250;

/** The search field of a list; `/` focuses it. @param {{name?: string, placeholder: string}} props */
export function SearchField({ name = "q", placeholder }) {
  const value = route.value.query.get(name) ?? "";
  const [text, setText] = useState(value);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => setQuery({ [name]: text || null }), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  useShortcuts([{ key: "/", label: placeholder, run: () => field.current?.focus() }]);
  return html`<div class="search" role="search"><${Icon} name="search" />
    <input ref=${field} class="input" type="search" value=${text} placeholder=${placeholder} aria-label=${placeholder} title="(/)"
      onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && field.current?.blur()} /></div>`;
}

/** The filters of a list, beside its search; `f` goes to the first one. @param {{children?: any}} props */
export function FilterBar({ children }) {
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const focusFirst = () => /** @type {HTMLElement | null} */ ((bar.current?.querySelector("select, input:not([type=search])") ?? bar.current?.querySelector("input")))?.focus();
  useShortcuts([{ key: "f", label: t("ui.filter"), run: focusFirst }]);
  return html`<div class="toolbar" ref=${bar}>${children}</div>`;
}

/** The pairs `metadata[key]=value` of the URL. */
export function metadataFilter() {
  return [...route.value.query].flatMap(([name, value]) => {
    const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
    return key === undefined ? [] : [{ name, key, value }];
  });
}

/** A field for `key=value`, and a chip for each pair of the URL. */
export function MetadataFilter() {
  const [text, setText] = useState("");
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    const [key = "", ...rest] = text.split("=");
    if (!key.trim() || !rest.length) return;
    setQuery({ [`metadata[${key.trim()}]`]: rest.join("=").trim() });
    setText("");
  };
  return html`<form class="inline" onSubmit=${add}>
    <div class="search"><${Icon} name="tag" /><input class="input" value=${text} placeholder=${t("ui.metadata-filter")} aria-label=${t("ui.metadata-filter")} spellcheck="false"
      onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} /></div>
    ${metadataFilter().map((pair) => html`<${Chip} key=${pair.name} label="${pair.key} = ${pair.value}" onRemove=${() => setQuery({ [pair.name]: null })} />`)}
  </form>`;
}

/** @param {{label: string, onRemove: () => void, hint?: string}} props `hint`: what a click does */
export function Chip({ label, onRemove, hint = t("ui.remove-filter") }) {
  return html`<button type="button" class="chip" title=${hint} aria-label="${hint}: ${label}" onClick=${onRemove}><bdi>${label}</bdi><${Icon} name="x" size=${12} /></button>`;
}

/**
 * A choice of one value of a filter, which is a parameter of the URL.
 *
 * @param {{name: string, label: string, options: readonly {value: string, label: string}[]}} props
 */
export function ChoiceFilter({ name, label, options }) {
  const value = route.value.query.get(name) ?? "";
  return html`<select class="input is-inline ${value ? "is-set" : ""}" aria-label=${label} value=${value}
    onChange=${(/** @type {any} */ event) => setQuery({ [name]: event.currentTarget.value || null })}>
    <option value="">${label}</option>${options.map((one) => html`<option value=${one.value} selected=${one.value === value}>${one.label}</option>`)}</select>`;
}
