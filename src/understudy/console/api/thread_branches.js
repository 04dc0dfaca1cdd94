/** Branches of threads, and those of conversations, which are threads too. */
import { conversationOf, listForks } from "../lib/thread_forks.js";
import { ApiError, get, post } from "./client.js";

const MOST_BRANCHES = 100;
/** Items from the beginning of a thread among which the places of its ancestors are looked for. */
const MOST_MAPPED = 100;

/**
 * The places where branches begin, by the id of the item before them: those of the thread, and those of the threads that
 * it descends from, at the copies that it has.
 *
 * @param {any} thread
 * @param {boolean} [isConversation] whether items of any kind count
 */
export async function loadForks(thread, isConversation = false) {
  const origin = thread.branched_from?.thread_id;
  const [branches, siblings, parent] = await Promise.all([listBranches(thread.id), origin ? listBranches(origin) : [], findThread(origin)]);
  const forks = listForks(thread, branches, siblings, parent !== null);
  if (parent?.branched_from) {
    const listIds = async (/** @type {string} */ id) => {
      const path = isConversation ? `/conversations/${conversationOf(id)}/items` : `/threads/${encodeURIComponent(id)}/messages`;
      return (await get(path, { order: "asc", limit: MOST_MAPPED })).data.map((/** @type {any} */ row) => row.id);
    };
    await addInherited(forks, thread, parent, listIds);
  }
  return forks;
}

/**
 * Copies stand at the places of their originals, so that a place in an ancestor is the same in the thread.
 *
 * @param {Map<string, import("../lib/thread_forks.js").Fork>} forks
 * @param {any} thread
 * @param {any} parent that the thread is a branch of, and a branch itself
 * @param {(id: string) => Promise<string[]>} listIds the first items of a thread
 */
async function addInherited(forks, thread, parent, listIds) {
  const own = await listIds(thread.id);
  let copied = own.length;
  let child = thread;
  for (let ancestor = parent; ancestor?.branched_from; ancestor = await findThread(child.branched_from.thread_id)) {
    const ids = await listIds(ancestor.id);
    copied = Math.min(copied, ids.indexOf(child.branched_from.message_id) + 1);
    if (copied === 0) return;
    const { thread_id: origin, message_id: last, copied_message_id: copy } = ancestor.branched_from;
    const at = ids.indexOf(copy) + 1;
    const place = at ? own[at - 1] : "";
    child = ancestor;
    if (at > copied || place === undefined || (copy !== null && !at)) continue;
    const versions = (await listBranches(origin)).filter((/** @type {any} */ one) => one.branched_from.message_id === last).map((/** @type {any} */ one) => one.id);
    const threads = (await findThread(origin)) ? [origin, ...versions] : versions;
    if (!forks.has(place) && threads.length > 1) forks.set(place, { threads, index: threads.indexOf(ancestor.id) });
  }
}

/** @param {string} id @returns {Promise<any[]>} */
const listBranches = async (id) => (await get("/threads", { branched_from: id, order: "asc", limit: MOST_BRANCHES })).data;
/** The thread, or null where it is deleted. @param {string | undefined} id @returns {Promise<any>} */
const findThread = (id) => (id ? get(`/threads/${encodeURIComponent(id)}`).catch(() => null) : Promise.resolve(null));

/** The branch that the first call makes whose thread is still there. Raises ApiError. @param {{path: string, after: string | null}[]} calls @returns {Promise<any>} */
export async function createBranch([first, ...others]) {
  const { path, after } = /** @type {{path: string, after: string | null}} */ (first);
  try {
    return await post(path, { after });
  } catch (error) {
    if (!others.length || !(error instanceof ApiError) || error.status !== 404) throw error;
    return createBranch(others);
  }
}
