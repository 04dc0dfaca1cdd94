/** What one can do with a run: cancel it, make it again, or change it in the playground. */
import { get, post } from "../../api/client.js";
import { navigate } from "../../app/router.js";
import { formOf } from "../../lib/run_request.js";
import { findQuestion, runAgainBody } from "../../lib/run_settings.js";
import { writeDraft } from "../../state/drafts.js";
import { textOf } from "../../ui/message/message.js";

const MOST_MESSAGES = 100;

/** The same run once more, at the end of its thread. Raises ApiError. @param {any} run */
export async function runAgain(run) {
  await createRun(run.thread_id, run);
}

/** The same run on a branch that ends before its answer. Raises ApiError. @param {any} run */
export async function runOnBranch(run) {
  const { last } = findQuestion(run, await readMessages(run));
  const branch = await post(`/threads/${encodeURIComponent(run.thread_id)}/branch`, { after: last?.id ?? null });
  await createRun(branch.id, run);
}

/**
 * The playground on a branch that ends before the run's question, with the question and the run's settings filled in.
 * Raises ApiError.
 *
 * @param {any} run
 */
export async function changeInPlayground(run) {
  const { question, before } = findQuestion(run, await readMessages(run));
  const [assistant, branch] = await Promise.all([
    get(`/assistants/${encodeURIComponent(run.assistant_id)}`),
    post(`/threads/${encodeURIComponent(run.thread_id)}/branch`, { after: before?.id ?? null }),
  ]);
  const { model, instructions, tools, temperature, top_p } = run;
  await writeDraft(`playground/assistant/${run.assistant_id}`, formOf({ ...assistant, model, instructions, tools, temperature, top_p }));
  if (question) await writeDraft(`playground/${branch.id}/message`, { text: textOf(question), files: attachedFiles(question) });
  navigate(`playground?assistant=${run.assistant_id}&thread=${branch.id}`);
}

/** @param {string} thread @param {any} run */
async function createRun(thread, run) {
  const again = await post(`/threads/${encodeURIComponent(thread)}/runs`, runAgainBody(run));
  navigate(`threads/${thread}/runs/${again.id}`);
}

/** The messages of the thread, the newest first. @param {any} run @returns {Promise<any[]>} */
async function readMessages(run) {
  const path = `/threads/${encodeURIComponent(run.thread_id)}/messages`;
  const own = (await get(path, { run_id: run.id, order: "asc", limit: 1 })).data[0];
  const earlier = (await get(path, { limit: MOST_MESSAGES, ...(own ? { after: own.id } : {}) })).data;
  return own ? [own, ...earlier] : earlier;
}

/** The files of a message, as the playground attaches them. @param {any} message @returns {import("../../lib/run_request.js").AttachedFile[]} */
function attachedFiles(message) {
  const images = message.content.filter((/** @type {any} */ part) => part.type === "image_file").map((/** @type {any} */ part) => ({ id: part.image_file.file_id, name: part.image_file.file_id, isImage: true, tool: "" }));
  const others = (message.attachments ?? []).map((/** @type {any} */ one) => ({ id: one.file_id, name: one.file_id, isImage: false, tool: one.tools[0]?.type ?? "file_search" }));
  return [...images, ...others];
}
