/** Tables as CSV (RFC 4180). */

/**
 * @param {readonly (readonly (string | number)[])[]} rows
 * @returns {string}
 */
export function formatCsv(rows) {
  return rows.map((row) => `${row.map(formatCell).join(",")}\r\n`).join("");
}

/** @param {string | number} value */
function formatCell(value) {
  if (typeof value === "number") return String(value);
  // Spreadsheets run texts that begin like a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
