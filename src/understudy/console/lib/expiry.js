/** When keys end. Knows no texts. */

/** @param {Record<string, any>} row */
export const isExpired = (row) => row["expires_at"] !== null && row["expires_at"] * 1000 < Date.now();
