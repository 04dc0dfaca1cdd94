import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { applyEvent, startRun } = await load("lib/run_events.js");
const { branchCalls, listForks } = await load("lib/thread_forks.js");
const { listTurns } = await load("lib/thread_turns.js");
const { assistantBody, EMPTY_FORM, formOf, judgeFunction, messageBody, runCall, runOverrides } = await load("lib/run_request.js");

const part = (value) => ({ index: 0, type: "text", text: { value, annotations: [] } });
const call = (index, members) => ({ delta: { step_details: { type: "tool_calls", tool_calls: [{ index, ...members }] } }, id: "step_1" });
const message = { id: "msg_1", status: "in_progress", content: [] };
const step = { id: "step_1", type: "tool_calls", status: "in_progress", step_details: { type: "tool_calls", tool_calls: [] } };
const EVENTS = [
  [null, "thread.run.created", { id: "run_1", status: "queued" }],
  ["1", "thread.run.queued", { id: "run_1", status: "queued" }],
  [null, "thread.message.created", message],
  ["2", "thread.message.in_progress", message],
  ["3", "thread.message.delta", { id: "msg_1", delta: { content: [part("One ")] } }],
  ["4", "thread.message.delta", { id: "msg_1", delta: { content: [part("two")] } }],
  [null, "thread.run.step.created", step],
  ["5", "thread.run.step.in_progress", step],
  ["6", "thread.run.step.delta", call(0, { id: "call_1", type: "function", function: { name: "f", arguments: "", output: null } })],
  ["7", "thread.run.step.delta", call(0, { type: "function", function: { arguments: "{}" } })],
  ["8", "thread.run.step.delta", call(1, { id: "call_2", type: "code_interpreter", code_interpreter: { input: "print", outputs: [] } })],
  ["9", "thread.run.step.delta", call(1, { type: "code_interpreter", code_interpreter: { input: "(1)", outputs: [{ index: 0, type: "logs", logs: "1" }] } })],
  ["10", "thread.run.completed", { id: "run_1", status: "completed" }],
].map(([id, event, data]) => ({ id, event, data: JSON.stringify(data) }));

test("the state of a run is the same wherever its stream was cut", () => {
  const whole = EVENTS.reduce(applyEvent, startRun({ id: "run_1" }));
  assert.equal(whole.run.status, "completed");
  assert.deepEqual(whole.entries.map((entry) => entry.id), ["msg_1", "step_1"]);
  assert.equal(whole.entries[0].object.content[0].text.value, "One two");
  assert.deepEqual(whole.entries[1].object.step_details.tool_calls, [
    { id: "call_1", type: "function", function: { name: "f", arguments: "{}", output: null } },
    { id: "call_2", type: "code_interpreter", code_interpreter: { input: "print(1)", outputs: [{ type: "logs", logs: "1" }] } },
  ]);
  for (let cut = 0; cut < EVENTS.length; cut += 1) {
    for (let again = 0; again <= cut; again += 1) {
      const repeated = [...EVENTS.slice(0, cut + 1), ...EVENTS.slice(again)];
      assert.deepEqual(repeated.reduce(applyEvent, startRun({ id: "run_1" })).entries, whole.entries, `${cut} ${again}`);
    }
  }
});

test("turns are messages of clients and runs, by time", () => {
  const user = { id: "msg_1", created_at: 5 };
  const answer = { id: "msg_3", created_at: 6, run_id: "run_2", thread_id: "thread_1", assistant_id: "asst_1" };
  const runs = [{ id: "run_4", created_at: 6 }, { id: "run_2", created_at: 5 }, { id: "run_0", created_at: 1 }];
  const ids = (...options) => listTurns(...options).map((turn) => turn.id);
  assert.deepEqual(ids([user, answer], runs, false), ["run_0", "msg_1", "run_2", "run_4"]);
  assert.deepEqual(ids([user, answer], runs, true), ["msg_1", "run_2", "run_4"]);
  assert.deepEqual(ids([user, answer], [], true), ["msg_1", "run_2"]);
});

test("copies in a branch keep their order where their times and ids do not have it", () => {
  const messages = ["msg_9", "msg_3", "msg_5"].map((id) => ({ id, created_at: 5 }));
  const ids = (runs) => listTurns(messages, runs, false).map((turn) => turn.id);
  assert.deepEqual(ids([]), ["msg_9", "msg_3", "msg_5"]);
  assert.deepEqual(ids([{ id: "run_1", created_at: 8 }]), ["msg_9", "msg_3", "msg_5", "run_1"]);
});

test("a thread has a fork where branches of it begin, and where it begins itself", () => {
  const branch = (id, message_id, copied_message_id = null, thread_id = "t") => ({ id, branched_from: { thread_id, message_id, copied_message_id } });
  const siblings = [branch("b1", "m1", "c1"), branch("b2", "m2", "c2"), branch("b3", "m1", "c3")];
  assert.deepEqual([...listForks({ id: "t" }, siblings, [], false)], [["m1", { threads: ["t", "b1", "b3"], index: 0 }], ["m2", { threads: ["t", "b2"], index: 0 }]]);
  const own = [branch("b4", "c9", "c4", "b3")];
  assert.deepEqual([...listForks(siblings[2], own, siblings, true)], [["c3", { threads: ["t", "b1", "b3"], index: 2 }], ["c9", { threads: ["b3", "b4"], index: 0 }]]);
  assert.deepEqual([...listForks(siblings[1], [], siblings, false)], []);
  assert.deepEqual([...listForks({ id: "t" }, [branch("b1", null)], [], false).keys()], [""]);
  assert.deepEqual(branchCalls(siblings[0], "c1").map((one) => [one.path, one.after]), [["/threads/t/branch", "m1"], ["/threads/b1/branch", "c1"]]);
  assert.deepEqual(branchCalls(siblings[0], "c0").map((one) => one.path), ["/threads/b1/branch"]);
  assert.deepEqual(branchCalls({ id: "t" }, null), [{ path: "/threads/t/branch", after: null }]);
});

test("a run gets what differs from the stored assistant", () => {
  const stored = { model: "a", name: "n", instructions: "x", temperature: 1, top_p: 1, tools: [] };
  const form = { ...formOf(stored), instructions: "", temperature: "0.2" };
  assert.deepEqual(runOverrides(formOf(stored), stored), {});
  assert.deepEqual(runOverrides(form, stored), { instructions: "", temperature: 0.2 });
  assert.deepEqual(assistantBody({ ...EMPTY_FORM, model: "a", tools: [{ type: "file_search" }], stores: ["vs_1"] }).tool_resources, { file_search: { vector_store_ids: ["vs_1"] } });
  const files = [{ id: "file-1", name: "a.png", isImage: true, tool: "" }, { id: "file-2", name: "b.md", isImage: false, tool: "file_search" }];
  assert.deepEqual(messageBody("Hi", files), {
    role: "user", content: [{ type: "text", text: "Hi" }, { type: "image_file", image_file: { file_id: "file-1" } }],
    attachments: [{ file_id: "file-2", tools: [{ type: "file_search" }] }],
  });
  assert.deepEqual(runCall({ thread: "thread_1", assistant: "asst_1", message: null, overrides: { model: "b" } }), {
    method: "POST", path: "/threads/thread_1/runs", body: { assistant_id: "asst_1", model: "b" },
  });
});

test("a definition of a function is judged before it is sent", () => {
  const parameters = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
  assert.equal(judgeFunction({ name: "f", parameters }), null);
  assert.equal(judgeFunction({ name: "f" }), null);
  const problems = [[], { name: "a b" }, { name: "f", parameters: { type: "string" } }, { name: "f", parameters: { ...parameters, properties: { id: null } } }, { name: "f", parameters: { ...parameters, required: ["x"] } }];
  assert.deepEqual(problems.map((one) => judgeFunction(one)?.split(".").at(-1)), ["not-object", "bad-name", "bad-parameters", "bad-properties", "bad-required"]);
});
