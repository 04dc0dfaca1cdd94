const ACTIVE = new Set(["queued", "in_progress", "requires_action", "cancelling"]);

/** Whether a run will still change. @param {{status: string}} run */
export function isActive(run) {
  return ACTIVE.has(run.status);
}

/** From the creation of a run to its end; null while it lasts. @param {any} run */
export function secondsOf(run) {
  const end = run.completed_at ?? run.failed_at ?? run.cancelled_at ?? (isActive(run) ? null : run.expires_at);
  return end ? Math.max(end - run.created_at, 0) : null;
}
