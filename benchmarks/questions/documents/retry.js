// Calling a service that may be down for a moment.

/** Thrown when every attempt failed; the last error is its cause. */
export class GiveUp extends Error {}

/** Calls until it works. Waits twice as long each time, with full jitter, never longer than `ceiling` seconds. */
export async function withBackoff(call, { attempts = 5, base = 0.2, ceiling = 8 } = {}) {
  let last;
  for (let number = 0; number < attempts; number++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      last = error;
      await sleep(Math.random() * Math.min(ceiling, base * 2 ** number));
    }
  }
  throw new GiveUp(`gave up after ${attempts} attempts`, { cause: last });
}

/** The seconds of a Retry-After header; null where it is a date or nonsense. */
export function parse_retry_after(header) {
  return /^\d+$/.test(header ?? "") ? Number(header) : null;
}
