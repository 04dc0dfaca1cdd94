/** What every component is written with: Preact, its hooks, signals, and templates by htm. */
import { h, htm } from "../vendor/view.js";

export { batch, computed, effect, Fragment, render, signal, useCallback, useComputed, useEffect, useId, useLayoutEffect, useMemo, useRef, useSignal, useSignalEffect, useState } from "../vendor/view.js";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(/** @type {any} */ (h));
