/** Limits of requests and tokens as the choices of a form, and back. Knows no browser. */

/** What the API has instead of a number for a model without a limit. */
export const NO_LIMIT = 2_147_483_647;

/**
 * @typedef {"keep" | "default" | "unlimited" | "number"} LimitMode `keep`: the request leaves it as it is
 * @typedef {{mode: LimitMode, text: string}} LimitChoice `text` is the number that is typed
 */

/** @param {number | "unlimited" | null} amount of a project or a key; null: the default of the settings @returns {LimitChoice} */
export function readAmount(amount) {
  if (amount === null) return { mode: "default", text: "" };
  return amount === "unlimited" ? { mode: "unlimited", text: "" } : { mode: "number", text: String(amount) };
}

/**
 * The members of a request that changes limits.
 *
 * @param {Record<string, LimitChoice>} choices by member
 * @param {number | "unlimited"} unlimited how the API writes the absence of a limit
 * @returns {Record<string, number | "unlimited" | null>}
 */
export function writeAmounts(choices, unlimited) {
  const changed = Object.entries(choices).filter(([, { mode }]) => mode !== "keep");
  return Object.fromEntries(changed.map(([name, { mode, text }]) => [name, mode === "default" ? null : mode === "unlimited" ? unlimited : Number(text)]));
}

/** Whether every number of a form is one. @param {Record<string, LimitChoice>} choices */
export function areComplete(choices) {
  return Object.values(choices).every(({ mode, text }) => mode !== "number" || (/^\d+$/.test(text.trim()) && Number(text) > 0));
}
