/** A thread as turns: messages that clients added, and runs with the messages that they made. */

/**
 * @typedef {{id: string, kind: "message", message: any} | {id: string, kind: "run", run: any, messages: any[]}} Turn
 */

/**
 * @param {readonly any[]} messages oldest first
 * @param {readonly any[]} runs in any order; a run that is missing is known by its messages
 * @param {boolean} hasOlder whether the thread has messages before the first: runs before it are left out
 * @returns {Turn[]} oldest first
 */
export function listTurns(messages, runs, hasOlder) {
  /** @type {Map<string, Extract<Turn, {kind: "run"}>>} */
  const byRun = new Map(runs.map((run) => [run.id, { id: run.id, kind: "run", run, messages: /** @type {any[]} */ ([]) }]));
  /** @type {Turn[]} */
  const turns = [];
  for (const message of messages) {
    if (!message.run_id) turns.push({ id: message.id, kind: "message", message });
    else {
      const isFirst = !byRun.get(message.run_id)?.messages.length;
      const turn = byRun.get(message.run_id) ?? { id: message.run_id, kind: /** @type {const} */ ("run"), run: runOf(message), messages: /** @type {any[]} */ ([]) };
      turn.messages.push(message);
      byRun.set(message.run_id, turn);
      if (isFirst) turns.push(turn);
    }
  }
  const first = hasOlder && messages[0] ? messages[0].created_at : 0;
  const silent = [...byRun.values()].filter((turn) => turn.messages.length === 0 && turn.run.created_at >= first).sort(compareTurns);
  // The list of messages has their order; copies in a branch are all younger than their times.
  for (const turn of silent) turns.splice(turns.findLastIndex((one) => compareTurns(one, turn) < 0) + 1, 0, turn);
  return turns;
}

/** A message of the same second was sent with the run: their ids are made in any order. @param {Turn} a @param {Turn} b */
const compareTurns = (a, b) => timeOf(a) - timeOf(b) || Number(a.kind === "run") - Number(b.kind === "run") || (stampOf(a.id) < stampOf(b.id) ? -1 : 1);

/** @param {any} message */
function runOf({ run_id: id, thread_id: thread, assistant_id: assistant, created_at: created }) {
  return { id, thread_id: thread, assistant_id: assistant, created_at: created, status: null };
}

/** @param {Turn} turn */
const timeOf = (turn) => (turn.kind === "run" ? turn.run.created_at : turn.message.created_at);

/** Times have whole seconds; ids begin with a finer time, in characters that sort. @param {string} id */
const stampOf = (id) => id.slice(id.indexOf("_") + 1);
