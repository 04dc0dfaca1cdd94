import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { lastDays, modelOf, reportOf, seriesOf } = await load("lib/usage.js");
const { formatCsv } = await load("lib/csv.js");

const DAY = 86_400;

test("the last days are of UTC, today last", () => {
  assert.deepEqual(lastDays(10 * DAY + 5, 3), [8 * DAY, 9 * DAY, 10 * DAY]);
});

test("costs and usage of one group meet, and the largest come first", () => {
  const days = [0, DAY];
  const costs = [{ start_time: DAY, results: [{ amount: { value: 2 }, line_item: "b, x, completion" }] }];
  const usage = [
    { start_time: 0, results: [{ model: "a", num_model_requests: 1, input_tokens: 5, output_tokens: 6 }] },
    { start_time: DAY, results: [{ model: "b, x", num_model_requests: 2, input_tokens: 1, output_tokens: 0 }] },
    { start_time: 9 * DAY, results: [{ model: "a", num_model_requests: 9 }] },
  ];
  const report = reportOf(days, { costs, usage }, (one) => one.model ?? modelOf(one.line_item));
  assert.deepEqual(report.groups.map((one) => one.name), ["b, x", "a"]);
  assert.deepEqual(report.total, { spend: 2, requests: 3, input: 6, output: 6 });
  assert.deepEqual(report.totals[1], { spend: 2, requests: 2, input: 1, output: 0 });
  assert.deepEqual(seriesOf(report, "output"), [{ name: "a", values: [6, 0] }]);
});

test("a chart has few series, and loses nothing", () => {
  const results = Array.from({ length: 9 }, (_, index) => ({ model: `m${index}`, num_model_requests: index + 1 }));
  const report = reportOf([0], { costs: [], usage: [{ start_time: 0, results }] }, (one) => one.model);
  const series = seriesOf(report, "requests", 3);
  assert.deepEqual(series, [{ name: "m8", values: [9] }, { name: "m7", values: [8] }, { name: null, values: [28] }]);
});

test("CSV quotes what it must, and runs no formula", () => {
  assert.equal(formatCsv([["a,b", 'say "x"', -1], ["=1+1", "@x", "line\nbreak"]]), "\"a,b\",\"say \"\"x\"\"\",-1\r\n'=1+1,'@x,\"line\nbreak\"\r\n");
});
