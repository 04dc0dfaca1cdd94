/** What is wrong in a health report. Knows no texts: findings have names. */

/**
 * @typedef {"error" | "warn" | "info"} Level
 * @typedef {{name: string, level: Level, subject: string, detail: string | null}} Finding `subject`: which part it is about;
 *   `detail`: the server's own words
 */

const MINUTE = 60;
/** A job that waits longer than this is late; videos and deliveries have long queues and retries by nature. */
/** @type {Readonly<Record<string, number>>} */
const LATE_SECONDS = { runs: MINUTE, files: 10 * MINUTE, batches: 60 * MINUTE, videos: 60 * MINUTE, deliveries: 60 * MINUTE, transfers: 60 * MINUTE };
const LEAST_FREE_SHARE = 0.05;
const LEAST_FREE_BYTES = 5e9;

/** @param {any} health a report of the API @returns {Finding[]} the worst first */
export function judgeHealth(health) {
  const findings = [
    ...judgeNodes(health.nodes),
    health.broker.available ? null : { name: "broker", level: "error", subject: "", detail: null },
    judgeDisk(health.blobs),
    ...health.queues.map((/** @type {any} */ queue) => judgeQueue(queue, health.checked_at)),
    ...health.providers.map(judgeProvider),
    health.sandbox?.available === false ? { name: "sandbox", level: "info", subject: "", detail: health.sandbox.problem } : null,
  ];
  const order = ["error", "warn", "info"];
  return findings.filter((one) => one !== null).sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** @param {Finding} finding */
export function isTrouble(finding) {
  return finding.level !== "info";
}

/** Whether the latest call failed, and how. @param {any} provider */
export function isFailing(provider) {
  return provider.last_error_at !== null && provider.last_error_at >= (provider.last_success_at ?? 0);
}

/** @param {any[]} nodes @returns {(Finding | null)[]} */
function judgeNodes(nodes) {
  const live = nodes.filter((node) => node.live);
  const isWorking = live.some((node) => node.role !== "server without jobs");
  const versions = [...new Set(live.map((node) => node.version))];
  return [
    isWorking ? null : { name: "no-workers", level: "error", subject: "", detail: null },
    versions.length > 1 ? { name: "versions", level: "warn", subject: versions.join(", "), detail: null } : null,
    ...nodes.filter((node) => !node.live).map((node) => ({ name: "dead-node", level: /** @type {Level} */ ("warn"), subject: node.host, detail: null })),
  ];
}

/** @param {any} blobs @returns {Finding | null} */
function judgeDisk({ free_bytes: free, total_bytes: total }) {
  if (free === null || free >= Math.min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * total)) return null;
  return { name: "disk", level: "error", subject: "", detail: null };
}

/** @param {any} queue @param {number} now in seconds @returns {Finding | null} */
function judgeQueue({ name, oldest_created_at: oldest }, now) {
  const late = LATE_SECONDS[name];
  return late === undefined || oldest === null || now - oldest <= late ? null : { name: `queue-${name}`, level: "warn", subject: "", detail: null };
}

/** @param {any} provider @returns {Finding | null} */
function judgeProvider(provider) {
  return isFailing(provider) ? { name: "provider", level: "warn", subject: provider.name, detail: provider.last_error.replaceAll("_", " ") } : null;
}
