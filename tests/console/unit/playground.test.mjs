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
  ["10", "thread.run.step.delta", call(2, { id: "call_3", type: "mcp", server_label: "dice", name: "roll", arguments: "", output: null })],
  ["11", "thread.run.step.delta", call(2, { type: "mcp", arguments: '{"sides"' })],
  ["12", "thread.run.step.delta", call(2, { type: "mcp", arguments: ": 6}" })],
  ["13", "thread.run.step.delta", call(2, { type: "mcp", output: "4" })],
  ["14", "thread.run.completed", { id: "run_1", status: "completed" }],
].map(([id, event, data]) => ({ id, event, data: JSON.stringify(data) }));

test("the state of a run is the same wherever its stream was cut", () => {
  const whole = EVENTS.reduce(applyEvent, startRun({ id: "run_1" }));
  assert.equal(whole.run.status, "completed");
  assert.deepEqual(whole.entries.map((entry) => entry.id), ["msg_1", "step_1"]);
  assert.equal(whole.entries[0].object.content[0].text.value, "One two");
  assert.deepEqual(whole.entries[1].object.step_details.tool_calls, [
    { id: "call_1", type: "function", function: { name: "f", arguments: "{}", output: null } },
    { id: "call_2", type: "code_interpreter", code_interpreter: { input: "print(1)", outputs: [{ type: "logs", logs: "1" }] } },
    { id: "call_3", type: "mcp", server_label: "dice", name: "roll", arguments: '{"sides": 6}', output: "4" },
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
  assert.deepEqual(ids([{ id: "msg_9", created_at: 5 }], [{ id: "run_2", created_at: 5 }], false), ["msg_9", "run_2"]);
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

const { applyResponseEvent, startResponse } = await load("lib/response_events.js");
const { judgeMcpServer } = await load("lib/mcp_servers.js");
const { listEntries, pendingApprovals, pendingCalls } = await load("lib/response_turns.js");
const { approvalsInput, formOfResponse, messageInput, outputsInput, repeatInput, responseBody, EMPTY_RESPONSE_FORM } = await load("lib/response_request.js");
const { costOf, lowestOf } = await load("lib/comparison.js");

test("the state of a response is the same wherever its stream was cut", () => {
  const message = { id: "msg_1", type: "message", content: [] };
  const annotation = { type: "file_citation", file_id: "file-1" };
  const events = [
    { type: "response.created", response: { id: "resp_1", status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: message },
    { type: "response.content_part.added", output_index: 0, content_index: 0, part: { type: "output_text", text: "", annotations: [] } },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "One " },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "two" },
    { type: "response.output_text.annotation.added", output_index: 0, content_index: 0, annotation },
    { type: "response.output_item.added", output_index: 1, item: { id: "fc_1", type: "function_call", arguments: "" } },
    { type: "response.function_call_arguments.delta", output_index: 1, delta: "{}" },
    { type: "response.output_item.added", output_index: 2, item: { id: "ci_1", type: "code_interpreter_call", code: "" } },
    { type: "response.code_interpreter_call_code.delta", output_index: 2, delta: "1" },
    { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } },
  ].map((event, sequence_number) => ({ ...event, sequence_number }));
  const whole = events.reduce(applyResponseEvent, startResponse({ id: "resp_1" }));
  assert.equal(whole.response.status, "completed");
  assert.deepEqual(whole.items, [
    { ...message, content: [{ type: "output_text", text: "One two", annotations: [annotation] }] },
    { id: "fc_1", type: "function_call", arguments: "{}" },
    { id: "ci_1", type: "code_interpreter_call", code: "1" },
  ]);
  for (let cut = 0; cut < events.length; cut += 1) {
    const repeated = [...events.slice(0, cut + 1), ...events];
    assert.deepEqual(repeated.reduce(applyResponseEvent, startResponse({ id: "resp_1" })).items, whole.items, String(cut));
  }
});

test("calls stand with their outputs, and those without one wait", () => {
  const items = [
    { id: "msg_1", type: "message" },
    { id: "fc_1", type: "function_call", call_id: "a", name: "f", arguments: "{}" },
    { id: "fc_2", type: "function_call", call_id: "b", name: "g", arguments: "{}" },
    { id: "fco_1", type: "function_call_output", call_id: "a", output: "18" },
    { id: "ci_1", type: "code_interpreter_call", code: "1", outputs: [{ type: "image", url: "/v1/containers/c/files/file-1/content" }] },
    { id: "rs_1", type: "reasoning" },
  ];
  const entries = listEntries(items);
  assert.deepEqual(entries.map((entry) => [entry.id, entry.kind]), [["msg_1", "message"], ["fc_1", "call"], ["fc_2", "call"], ["ci_1", "call"], ["rs_1", "item"]]);
  assert.deepEqual(entries.slice(1, 3).map((entry) => entry.call.function.output), ["18", null]);
  assert.equal(entries[3].call.code_interpreter.outputs[0].image.file_id, "file-1");
  assert.deepEqual(pendingCalls(items).map((item) => item.id), ["fc_2"]);
});

test("requests for approval wait until they are approved or refused", () => {
  const request = { id: "mcpr_1", type: "mcp_approval_request", server_label: "dice", name: "roll", arguments: "{}" };
  const items = [request, { ...request, id: "mcpr_2" }, { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false }];
  assert.deepEqual(pendingApprovals(items).map((item) => item.id), ["mcpr_2"]);
  const input = approvalsInput([request], true);
  assert.deepEqual(input, [{ type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true }]);
  assert.deepEqual(repeatInput([{ id: "x", status: "completed", ...input[0] }]), input);
});

test("an MCP server of a response needs its whole address again", () => {
  const tool = { type: "mcp", server_label: "dice", server_url: "https://example.com/<redacted>", require_approval: "always" };
  const form = formOfResponse({ model: "m", tools: [tool] });
  assert.deepEqual(responseBody({ ...form, model: "m" }, "Hi", {}).tools, [tool]);
  assert.equal(judgeMcpServer(tool), "playground.mcp.redacted");
  assert.equal(judgeMcpServer({ ...tool, server_url: "https://example.com/mcp" }), null);
  assert.equal(judgeMcpServer({ server_url: "https://example.com/mcp" }), "playground.mcp.no-label");
  assert.equal(judgeMcpServer({ ...tool, server_url: "example.com" }), "playground.mcp.no-url");
  assert.equal(judgeMcpServer([]), "playground.mcp.not-object");
});

test("an image is its newest preview until it is there", () => {
  const item = { id: "ig_1", type: "image_generation_call", result: null };
  const events = [{ type: "response.output_item.added", output_index: 0, item }, { type: "response.image_generation_call.partial_image", output_index: 0, partial_image_b64: "aGk=" }].map((event, sequence_number) => ({ ...event, sequence_number }));
  const state = events.reduce(applyResponseEvent, startResponse({ id: "resp_1" }));
  assert.equal(listEntries(state.items)[0].call.image_generation.result, "aGk=");
  assert.equal(listEntries([{ ...item, result: "aG8=" }])[0].call.image_generation.result, "aG8=");
});

test("a web search has its results, or else its sources", () => {
  const action = { type: "search", queries: ["a"], sources: [{ type: "url", url: "https://a.example" }] };
  const [found, failed] = listEntries([{ id: "ws_1", type: "web_search_call", action }, { id: "ws_2", type: "web_search_call" }]);
  assert.deepEqual(found.call.web_search, { action, results: action.sources });
  assert.deepEqual(failed.call.web_search, { action: {}, results: [] });
});

test("a response has what the form and the composer have", () => {
  const form = { ...EMPTY_RESPONSE_FORM, model: "m", temperature: "0.2", stores: ["vs_1"], tools: [{ type: "file_search" }, { type: "code_interpreter" }, { type: "function", function: { name: "f" } }] };
  assert.deepEqual(responseBody(form, "Hi", { previous: "resp_1" }), {
    model: "m", input: "Hi", temperature: 0.2, previous_response_id: "resp_1",
    tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }, { type: "code_interpreter", container: { type: "auto" } }, { type: "function", strict: false, name: "f" }],
  });
  assert.deepEqual(responseBody({ ...EMPTY_RESPONSE_FORM, model: "m" }, "Hi", { conversation: "conv_1", previous: null }), { model: "m", input: "Hi", conversation: "conv_1" });
  assert.deepEqual(messageInput("Hi", [{ id: "file-1", isImage: true }, { id: "file-2" }])[0].content.map((part) => part.type), ["input_image", "input_file", "input_text"]);
  assert.deepEqual(outputsInput([{ id: "call_1", output: "18" }]), [{ type: "function_call_output", call_id: "call_1", output: "18" }]);
});

test("an answer costs what its tokens cost, if their prices are known", () => {
  const unit = (name, price) => ({ name, measure: "token", price, per: 1000 });
  const usage = { input_tokens: 3000, output_tokens: 1000, input_tokens_details: { cached_tokens: 1000 } };
  assert.equal(costOf({ units: [unit("input", 2), unit("output", 8)] }, usage), 14);
  assert.equal(costOf({ units: [unit("input", 2), unit("cached_input", 1), unit("output", 8)] }, usage), 13);
  assert.equal(costOf({ units: [], variants: [{ when: { tokens: 2000 }, units: [unit("input", 1), unit("output", 1)] }, { when: { tokens: 9000 }, units: [] }] }, usage), 4);
  assert.equal(costOf(null, usage), null);
  assert.equal(costOf({ units: [unit("input", 2)] }, usage), null);
  assert.deepEqual([lowestOf([2, 1]), lowestOf([1, 1]), lowestOf([1, null])], [1, -1, -1]);
});

test("only the path of a file names a file of an image", () => {
  const urls = [
    "/v1/containers/cntr_1/files/cfile_1/content", "http://host/v1/files/file-2/content?variant=1",
    "data:image/png;base64,iVBO/Rw0K/Ggo=", "https://example.com/charts/2026/one.png", "https://example.com/files/a%2Fb/content", undefined,
  ];
  const [entry] = listEntries([{ id: "ci_1", type: "code_interpreter_call", code: "1", outputs: [...urls.map((url) => ({ type: "image", url })), { type: "logs", logs: "2" }] }]);
  assert.deepEqual(entry.call.code_interpreter.outputs, [
    { type: "image", image: { file_id: "cfile_1" } }, { type: "image", image: { file_id: "file-2" } },
    ...urls.slice(2).map((url) => ({ type: "image_url", image_url: { url: url ?? "" } })), { type: "logs", logs: "2" },
  ]);
});
