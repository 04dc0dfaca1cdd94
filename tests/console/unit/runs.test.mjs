import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { diffWords } = await load("lib/text_diff.js");
const { compareSettings, findQuestion, runAgainBody, runFigures } = await load("lib/run_settings.js");

const read = (parts, kind) => parts.filter((part) => part.kind !== kind).map((part) => part.text).join("");

test("a difference has both texts in it, and what they share once", () => {
  const pairs = [["Be brief.", "Be very brief."], ["", "new"], ["old", ""], ["a b c d", "a x c y"], ["same", "same"], ["ab\n\ncd", "ab cd"], ["日本語", "日本人"]];
  for (const [before, after] of pairs) {
    const parts = diffWords(before, after);
    assert.equal(read(parts, "added"), before);
    assert.equal(read(parts, "removed"), after);
  }
  assert.deepEqual(diffWords("Be brief.", "Be very brief."), [{ kind: "same", text: "Be " }, { kind: "added", text: "very " }, { kind: "same", text: "brief." }]);
  const long = Array.from({ length: 5000 }, (_, index) => `w${index}`).join(" ");
  const parts = diffWords(`a ${long} b`, `c ${long.replaceAll("w", "v")} d`);
  assert.equal(read(parts, "added"), `a ${long} b`);
});

const RUN = { id: "run_1", assistant_id: "asst_1", model: "m", instructions: null, tools: [], temperature: 0.2, top_p: 1, metadata: {}, tool_resources: {}, max_prompt_tokens: null, created_at: 50, usage: { prompt_tokens: 7, completion_tokens: 3 } };

test("a run is made again with all of its settings and nothing else", () => {
  assert.deepEqual(runAgainBody(RUN), { assistant_id: "asst_1", model: "m", tools: [], temperature: 0.2, top_p: 1, instructions: "" });
});

test("settings that differ are marked, and functions have their names", () => {
  const tools = [{ type: "file_search" }, { type: "function", function: { name: "get_order" } }];
  const rows = compareSettings(RUN, { ...RUN, temperature: 1, tools });
  assert.deepEqual(rows.filter((row) => row.isDifferent).map((row) => [row.name, ...row.values]), [["temperature", "0.2", "1"], ["tools", "—", "file_search, get_order()"]]);
});

test("the question of a run is the last one before its answer", () => {
  const [earlier, first, question, answer, later] = [
    { id: "m1", role: "user", created_at: 10 }, { id: "m2", role: "assistant", run_id: "run_0", created_at: 20 }, { id: "m3", role: "user", created_at: 50 },
    { id: "m4", role: "assistant", run_id: "run_1", created_at: 51 }, { id: "m5", role: "user", created_at: 60 },
  ];
  assert.deepEqual(findQuestion(RUN, [later, answer, question, first, earlier]), { question, before: first, last: question });
  // A run without an answer has the messages until its creation.
  assert.deepEqual(findQuestion(RUN, [later, question, first, earlier]), { question, before: first, last: question });
  assert.deepEqual(findQuestion(RUN, []), { question: null, before: null, last: null });
});

test("figures come from the trace, and are unknown without one", () => {
  const spans = [{ started_at_ms: 100, first_delta_at_ms: null, ended_at_ms: 110 }, { started_at_ms: 110, first_delta_at_ms: 150, ended_at_ms: 400 }];
  assert.deepEqual(runFigures(RUN, { spans, cost: 0.5 }), { duration: 300, "first-delta": 50, input: 7, output: 3, cost: 0.5 });
  assert.deepEqual(runFigures({ usage: null }, { spans: [], cost: null }), { duration: null, "first-delta": null, input: null, output: null, cost: null });
});
