/** Numbers, sizes, times and money as text. All times use the zone that the caller passes. */

const DASH = "—";
/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {string} language
 * @param {Intl.DateTimeFormatOptions} options
 */
function dateFormat(language, options) {
  const key = language + JSON.stringify(options);
  const known = formats.get(key) ?? new Intl.DateTimeFormat(language, options);
  formats.set(key, known);
  return known;
}

/** @typedef {{zone: string, language: string}} Locale */

/**
 * The time of the day for today, the day and time for this year, else the date.
 *
 * @param {number | null | undefined} seconds since 1970
 * @param {Locale} locale
 * @param {Date} [now]
 */
export function formatTime(seconds, { zone, language }, now = new Date()) {
  if (seconds === null || seconds === undefined) return DASH;
  const date = new Date(seconds * 1000);
  const day = dayOf(date, zone);
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  if (day === dayOf(now, zone)) return dateFormat(language, /** @type {any} */ (time)).format(date);
  const isThisYear = day.slice(0, 4) === dayOf(now, zone).slice(0, 4);
  const options = isThisYear ? { ...time, day: "numeric", month: "short" } : { dateStyle: "medium", timeZone: zone };
  return dateFormat(language, /** @type {any} */ (options)).format(date);
}

/**
 * The whole time with its zone, for tooltips and details.
 *
 * @param {number | null | undefined} seconds since 1970
 * @param {Locale} locale
 */
export function formatFullTime(seconds, { zone, language }) {
  if (seconds === null || seconds === undefined) return DASH;
  const options = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
    second: "2-digit", hourCycle: "h23", timeZone: zone, timeZoneName: "short" };
  return dateFormat(language, /** @type {any} */ (options)).format(new Date(seconds * 1000));
}

/**
 * The day of a date in a zone, as `2026-11-29`.
 *
 * @param {Date} date
 * @param {string} zone
 */
export function dayOf(date, zone) {
  return dateFormat("sv-SE", { dateStyle: "short", timeZone: zone }).format(date);
}

/**
 * The long name of a day, for the rules between messages.
 *
 * @param {number} seconds since 1970
 * @param {Locale} locale
 */
export function formatDay(seconds, { zone, language }) {
  const options = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: zone };
  return dateFormat(language, /** @type {any} */ (options)).format(new Date(seconds * 1000));
}

/**
 * @param {number | null | undefined} value
 * @param {string} language
 */
export function formatNumber(value, language) {
  return value === null || value === undefined ? DASH : new Intl.NumberFormat(language).format(value);
}

/**
 * @param {number | null | undefined} bytes
 * @param {string} language
 */
export function formatBytes(bytes, language) {
  if (bytes === null || bytes === undefined) return DASH;
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log(bytes) / Math.log(1000)), units.length - 1);
  const options = { maximumFractionDigits: power === 0 || bytes / 1000 ** power >= 100 ? 0 : 1 };
  return `${new Intl.NumberFormat(language, options).format(bytes / 1000 ** power)} ${units[power]}`;
}

/**
 * US dollars; small sums keep two significant digits. Null is unknown, and 0 is free.
 *
 * @param {number | null | undefined} dollars
 * @param {string} language
 */
export function formatMoney(dollars, language) {
  if (dollars === null || dollars === undefined) return DASH;
  const isSmall = dollars !== 0 && Math.abs(dollars) < 0.01;
  const digits = isSmall ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat(language, { style: "currency", currency: "USD", ...digits }).format(dollars);
}

/**
 * Dollars at an axis: without needless digits.
 *
 * @param {number} dollars
 * @param {string} language
 */
export function formatAxisMoney(dollars, language) {
  const digits = Math.abs(dollars) < 0.01 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  const options = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", ...(Number.isInteger(dollars) ? { maximumFractionDigits: 0 } : digits) };
  return new Intl.NumberFormat(language, /** @type {any} */ (options)).format(dollars);
}

/**
 * Three digits and a unit: 18.2M.
 *
 * @param {number} value
 * @param {string} language
 */
export function formatCompact(value, language) {
  return new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/**
 * A day of UTC: `13 Nov`, or `Fri, 13 Nov` in full.
 *
 * @param {number} seconds since 1970
 * @param {string} language
 */
export function formatShortDay(seconds, language, full = false) {
  const options = { day: "numeric", month: "short", timeZone: "UTC", ...(full ? { weekday: "short" } : {}) };
  return dateFormat(language, /** @type {any} */ (options)).format(new Date(seconds * 1000));
}

/**
 * @param {number | null | undefined} milliseconds
 * @param {string} language
 */
export function formatDuration(milliseconds, language) {
  if (milliseconds === null || milliseconds === undefined) return DASH;
  const number = (/** @type {number} */ value, digits = 0) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
  if (milliseconds < 1_000) return `${number(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${number(milliseconds / 1_000, 2)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 60) return `${minutes} min ${number(Math.floor((milliseconds % 60_000) / 1_000))} s`;
  return `${number(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/**
 * A place on an axis of times, in the unit of its marks: all marks have the same.
 *
 * @param {number} milliseconds
 * @param {{step: number, length: number}} axis in milliseconds
 * @param {string} language
 */
export function formatTick(milliseconds, { step, length }, language) {
  const [unit, size] = step >= 3_600_000 ? ["h", 3_600_000] : step >= 60_000 ? ["min", 60_000] : length >= 1_000 ? ["s", 1_000] : ["ms", 1];
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 3 }).format(milliseconds / Number(size))} ${unit}`;
}

/**
 * A latency at the axis of a chart: without needless digits.
 *
 * @param {number} milliseconds
 * @param {string} language
 */
export function formatAxisLatency(milliseconds, language) {
  const [unit, size] = milliseconds >= 600_000 ? ["min", 60_000] : milliseconds >= 1_000 ? ["s", 1_000] : ["ms", 1];
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(milliseconds / Number(size));
  return milliseconds === 0 ? number : `${number} ${unit}`;
}

/**
 * A duration that may be less than a millisecond, with two digits at least.
 *
 * @param {number | null | undefined} milliseconds
 * @param {string} language
 */
export function formatLatency(milliseconds, language) {
  if (milliseconds === null || milliseconds === undefined || milliseconds >= 10) return formatDuration(milliseconds, language);
  return `${new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(milliseconds)} ms`;
}

/**
 * An id with its middle left out: `thread_56BA…9fQ2`.
 *
 * @param {string} id
 */
export function shortenId(id) {
  const prefix = /^[a-z]+[_-]/i.exec(id)?.[0] ?? "";
  const rest = id.slice(prefix.length);
  return rest.length <= 10 ? id : `${prefix}${rest.slice(0, 4)}…${rest.slice(-4)}`;
}

/** Controls that change the direction of text, or cannot be seen. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/**
 * A name on one line, with its invisible controls made visible: ⟨U+202E⟩.
 *
 * @param {string} name
 */
export function revealControls(name) {
  return name.replace(INVISIBLE, (one) => `⟨U+${one.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}
