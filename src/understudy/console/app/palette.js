/** The palette: pages, what can be done on this page, and the page of any id that is pasted. */
import { pathOfId } from "../lib/paths.js";
import { t } from "../text/texts.js";
import { Icon } from "../ui/icon.js";
import { html, useId, useLayoutEffect, useRef, useState } from "../ui/view.js";
import { takeKeys } from "./early_keys.js";
import { navLabel } from "./navigation.js";
import { hasPage, navigate } from "./router.js";
import { canOpen, ROUTES } from "./routes.js";
import { activeShortcuts } from "./shortcuts.js";

/** @typedef {{label: string, icon: string, hint?: string, run: () => void}} Entry */

/** @param {{onClose: () => void}} props */
export function Palette({ onClose }) {
  const [early] = useState(takeKeys);
  const [text, setText] = useState(early.filter((key) => key !== "Enter").join(""));
  const [chosen, setChosen] = useState(0);
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const [all] = useState(listEntries);
  const entries = findEntries(all, text);
  /** @param {Entry | undefined} entry */
  const choose = (entry) => {
    onClose();
    // After the dialog has returned the focus.
    if (entry) queueMicrotask(entry.run);
  };
  useLayoutEffect(() => {
    if (early.includes("Enter")) choose(entries[0]);
  }, []);
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setChosen((chosen + step + entries.length) % Math.max(entries.length, 1));
    else if (event.key === "Enter") choose(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<dialog class="dialog is-palette" ref=${dialog} aria-label=${t("palette.title")} onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}
    onClick=${(/** @type {Event} */ event) => event.target === dialog.current && onClose()}><div class="dialog-frame">
      <div class="search"><${Icon} name="search" /><input class="input" role="combobox" aria-expanded="true" aria-controls=${id} aria-autocomplete="list" aria-activedescendant="${id}-${chosen}"
        value=${text} placeholder=${t("palette.placeholder")} aria-label=${t("palette.placeholder")} spellcheck="false" autofocus onKeyDown=${move}
        onInput=${(/** @type {any} */ event) => { setText(event.currentTarget.value); setChosen(0); }} /></div>
      <ul class="palette-list" role="listbox" id=${id} aria-label=${t("palette.title")}>${entries.map((entry, index) => html`<li key=${entry.label} id="${id}-${index}" role="option" aria-selected=${index === chosen}
        onClick=${() => choose(entry)} onPointerMove=${() => setChosen(index)}><${Icon} name=${entry.icon} /><span>${entry.label}</span>${entry.hint && html`<kbd>${entry.hint}</kbd>`}</li>`)}</ul>
      ${!entries.length && html`<p class="palette-none muted">${t("palette.none")}</p>`}
    </div></dialog>`;
}

/** @returns {Entry[]} */
function listEntries() {
  const pages = ROUTES.filter((row) => (row.icon || row.key) && canOpen(row)).map((row) => ({
    label: navLabel(row), icon: row.icon ?? "settings", ...(row.key ? { hint: `g ${row.key}` } : {}), run: () => navigate(row.path),
  }));
  const actions = activeShortcuts().filter((one) => !one.key.startsWith("g ") && !["mod+k", "j", "k", "Escape"].includes(one.key));
  return [...pages, ...actions.map((one) => ({ label: one.label, icon: "zap", hint: one.key, run: one.run }))];
}

/** @param {Entry[]} entries @param {string} text @returns {Entry[]} */
function findEntries(entries, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries.filter((entry) => words.every((word) => entry.label.toLowerCase().includes(word)));
  const path = pathOfId(text.trim());
  return path && hasPage(path) ? [{ label: t("palette.open-id", { id: text.trim() }), icon: "arrow-right", run: () => navigate(path) }, ...found] : found;
}
