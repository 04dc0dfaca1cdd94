/** Days of a time zone in Unix seconds. Knows no browser. */

const DAY = 86_400_000;

/**
 * The first second of a day in a zone.
 *
 * @param {string} day as `2026-11-29`
 * @param {string} zone
 * @returns {number} NaN for a day that does not exist
 */
export function startOfDay(day, zone) {
  const wall = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(wall)) return Number.NaN;
  // The offset of the zone may change between the two guesses.
  let at = wall;
  for (let round = 0; round < 2; round += 1) at = wall - offsetAt(at, zone);
  return Math.floor(at / 1000);
}

/** The first second after a day in a zone. @param {string} day @param {string} zone */
export function endOfDay(day, zone) {
  const wall = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(wall) ? Number.NaN : startOfDay(new Date(wall + DAY).toISOString().slice(0, 10), zone);
}

/** What a clock of the zone is ahead of UTC, in milliseconds. @param {number} at @param {string} zone */
function offsetAt(at, zone) {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return Date.parse(`${format.format(new Date(at)).replace(" ", "T")}Z`) - at;
}
