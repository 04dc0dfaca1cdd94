/** Credits, the unit of balances and limits, in US dollars. */

const CREDITS_PER_DOLLAR = 2_000_000;

/** @param {number} credits */
export const toDollars = (credits) => credits / CREDITS_PER_DOLLAR;

/** @param {number} dollars */
export const toCredits = (dollars) => Math.round(dollars * CREDITS_PER_DOLLAR);
