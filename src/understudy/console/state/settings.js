/** The reader's choices, stored in this browser: theme, zone, language, shortcuts, language of code samples. */
import { effect, signal } from "../ui/view.js";

const STORAGE = "understudy.console";
/** @typedef {{theme: "system" | "light" | "dark", zone: string, language: string, shortcuts: boolean, samples: string, skipsFirstSteps: boolean}} Settings */
/** Read once. The first format of a page takes a browser 20 ms, before the first paint; Temporal takes none. */
const DEVICE_ZONE = /** @type {any} */ (globalThis).Temporal?.Now.timeZoneId() ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
/** @type {Settings} */
const DEFAULTS = { theme: "system", zone: "", language: "en", shortcuts: true, samples: "python", skipsFirstSteps: false };

/** @type {import("../vendor/view.js").Signal<Settings>} */
export const settings = signal(readSettings());

/** @returns {Settings} */
function readSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(STORAGE) ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

/** @param {Partial<Settings>} changes */
export function changeSettings(changes) {
  settings.value = { ...settings.value, ...changes };
  try {
    localStorage.setItem(STORAGE, JSON.stringify(settings.value));
  } catch {
    // Storage is full or forbidden: the choice lasts until the page is closed.
  }
}

/** The zone of every time in the console. */
export function currentZone() {
  return settings.value.zone || DEVICE_ZONE;
}

/** The conventions for dates and numbers: those of the device, as far as they are of the chosen language. */
export function currentLocale() {
  const { language } = settings.value;
  return navigator.languages.find((one) => one.split("-")[0] === language) ?? language;
}

export function startSettings() {
  addEventListener("storage", (event) => {
    if (event.key === STORAGE) settings.value = readSettings();
  });
  effect(() => {
    const { theme, language } = settings.value;
    const root = document.documentElement;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    root.lang = language;
  });
}
