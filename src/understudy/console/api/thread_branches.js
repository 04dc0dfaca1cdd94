/** Branches of threads, and those of conversations, which are threads too. */
import { listForks } from "../lib/thread_forks.js";
import { ApiError, get, post } from "./client.js";

const MOST_BRANCHES = 100;

/** The places where branches begin, by the id of the item before them. @param {any} thread */
export async function loadForks(thread) {
  const origin = thread.branched_from?.thread_id;
  const listBranches = async (/** @type {string} */ id) => (await get("/threads", { branched_from: id, order: "asc", limit: MOST_BRANCHES })).data;
  const [branches, siblings, hasOrigin] = await Promise.all([
    listBranches(thread.id),
    origin ? listBranches(origin) : [],
    origin ? get(`/threads/${encodeURIComponent(origin)}`).then(() => true, () => false) : false,
  ]);
  return listForks(thread, branches, siblings, hasOrigin);
}

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
