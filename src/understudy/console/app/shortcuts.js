/** The keyboard: which shortcuts work now, and running them. Off while the reader types. */
import { KeySequence, nameKey } from "../lib/key_sequence.js";
import { settings } from "../state/settings.js";
import { signal, useLayoutEffect, useRef } from "../ui/view.js";
import { bufferKey, forgetEarlyKey, isPageLoading, isPageMounted, rememberKey, takeEarlyKey } from "./early_keys.js";

/** @typedef {{key: string, label: string, run: () => void}} Shortcut the help and the palette show `label` */
/** @typedef {{shortcuts: () => Shortcut[], isOfPage: boolean}} Layer */

/** The shortcuts of the shell, the page and open panels; later ones win. */
export const layers = signal(/** @type {Layer[]} */ ([]));
const sequence = new KeySequence();

/** @returns {Shortcut[]} the shortcuts that work now, the strongest of each key */
export function activeShortcuts() {
  const byKey = new Map();
  // While another page is loaded, the one before is still there.
  const active = isPageMounted() ? layers.value : layers.value.filter((layer) => !layer.isOfPage);
  for (const layer of active) for (const shortcut of layer.shortcuts()) byKey.set(shortcut.key, shortcut);
  return [...byKey.values()];
}

/** @param {Layer} layer @returns {() => void} removes it */
function addLayer(layer) {
  layers.value = [...layers.peek(), layer];
  return () => {
    layers.value = layers.peek().filter((one) => one !== layer);
  };
}

/**
 * The shortcuts of a component, while it is mounted.
 *
 * @param {Shortcut[]} shortcuts
 * @param {{isOfPage?: boolean}} [options]
 */
export function useShortcuts(shortcuts, { isOfPage = true } = {}) {
  const current = useRef(shortcuts);
  current.current = shortcuts;
  // Before the next key: what is visible works.
  useLayoutEffect(() => addLayer({ shortcuts: () => current.current, isOfPage }), []);
  useLayoutEffect(runEarlyKey);
}

/** Runs the shortcut of the key that was pressed while the page was loading, once the page has it. */
export function runEarlyKey() {
  const shortcut = takeEarlyKey(activeShortcuts);
  // After the effects of the other components.
  if (shortcut) queueMicrotask(shortcut.run);
}

export function startShortcuts() {
  document.addEventListener("keydown", runShortcut);
  document.addEventListener("pointerdown", forgetEarlyKey, { passive: true });
}

/** @param {KeyboardEvent} event */
function runShortcut(event) {
  const key = nameKey(event);
  if (event.defaultPrevented || event.isComposing || key === null) return;
  const isCombined = key.startsWith("mod+");
  if (!isCombined && (isTyping(event.target) || !settings.peek().shortcuts)) return;
  // A dialog is modal for the keyboard too; it has keys of its own.
  if (!isCombined && document.querySelector("dialog:modal")) return;
  if (bufferKey(key)) return event.preventDefault();
  const shortcuts = activeShortcuts();
  const found = sequence.push(key, new Set(shortcuts.map((one) => one.key)), event.timeStamp);
  const shortcut = shortcuts.find((one) => one.key === found);
  forgetEarlyKey();
  if (!shortcut && isPageLoading()) rememberKey(key);
  if (!shortcut) return;
  event.preventDefault();
  shortcut.run();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
