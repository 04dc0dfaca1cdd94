/** What every component is written with: Preact, its hooks, signals, and templates by htm. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export { Fragment, render } from "../vendor/preact.js";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "../vendor/signals.js";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(/** @type {any} */ (h));
