/** Where branches of a thread begin: at each such place, the threads that differ from there on. */

/** @typedef {{threads: readonly string[], index: number}} Fork `index` is the place of this thread among them */

/**
 * Forks by the id of the message before them; "" is the beginning of the thread.
 *
 * @param {any} thread
 * @param {readonly any[]} branches those of the thread, oldest first
 * @param {readonly any[]} siblings those of the thread that it is a branch of, oldest first; itself among them
 * @param {boolean} hasOrigin whether the thread that it is a branch of is still there
 * @returns {Map<string, Fork>}
 */
export function listForks(thread, branches, siblings, hasOrigin) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  const origin = thread.branched_from;
  if (origin) {
    const ids = siblings.filter((one) => one.branched_from.message_id === origin.message_id).map((one) => one.id);
    groups.set(origin.copied_message_id ?? "", [...(hasOrigin ? [origin.thread_id] : []), ...(ids.includes(thread.id) ? ids : [...ids, thread.id])]);
  }
  for (const branch of branches) {
    const place = branch.branched_from.message_id ?? "";
    groups.set(place, [...(groups.get(place) ?? [thread.id]), branch.id]);
  }
  return new Map([...groups].filter(([, threads]) => threads.length > 1).map(([place, threads]) => [place, { threads, index: threads.indexOf(thread.id) }]));
}

/**
 * The call that makes a branch behind a message. Behind the last copied message of a branch, it is one of the thread
 * that the branch itself is of, so that all versions of a message are side by side.
 *
 * @param {any} thread
 * @param {string | null} after
 * @param {boolean} [isConversation] whether the branches are made as conversations: behind an item of any kind
 * @returns {{path: string, after: string | null}[]} the calls to try: threads can be deleted
 */
export function branchCalls(thread, after, isConversation = false) {
  const pathOf = (/** @type {string} */ id) => (isConversation ? `/conversations/${conversationOf(id)}/branch` : `/threads/${encodeURIComponent(id)}/branch`);
  const own = { path: pathOf(thread.id), after };
  const origin = thread.branched_from;
  if (!origin || origin.copied_message_id !== after) return [own];
  return [{ path: pathOf(origin.thread_id), after: origin.message_id }, own];
}

/** A conversation is a thread under another name. @param {string} thread */
export const conversationOf = (thread) => thread.replace(/^thread_/, "conv_");
/** @param {string} conversation */
export const threadOf = (conversation) => conversation.replace(/^conv_/, "thread_");
