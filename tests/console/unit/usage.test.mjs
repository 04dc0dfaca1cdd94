import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { lastDays, modelOf, reportOf, seriesOf } = await load("lib/usage.js");
const { formatCsv } = await load("lib/csv.js");

const DAY = 86_400;

test("the last days are those of a zone, today last", () => {
  const now = Date.parse("2026-03-30T22:30:00Z") / 1000;
  assert.deepEqual(lastDays(now, 3, "UTC"), ["2026-03-28", "2026-03-29", "2026-03-30"]);
  assert.deepEqual(lastDays(now, 2, "Asia/Kolkata"), ["2026-03-30", "2026-03-31"]);
  assert.deepEqual(lastDays(now, 3, "Europe/Oslo"), ["2026-03-29", "2026-03-30", "2026-03-31"]);
});

test("a bucket is of the day that its zone has at its start", () => {
  const usage = [{ start_time: Date.parse("2026-03-29T23:00:00Z") / 1000 - 3600, results: [{ model: "a", num_model_requests: 1 }] }];
  const report = reportOf(["2026-03-29", "2026-03-30"], { costs: [], usage, zone: "Europe/Oslo" }, (one) => one.model);
  assert.deepEqual(report.totals.map((one) => one.requests), [0, 1]);
});

test("costs and usage of one group meet, and the largest come first", () => {
  const days = ["1970-01-01", "1970-01-02"];
  const costs = [{ start_time: DAY, results: [{ amount: { value: 2 }, line_item: "b, x, completion" }] }];
  const usage = [
    { start_time: 0, results: [{ model: "a", num_model_requests: 1, input_tokens: 5, output_tokens: 6 }] },
    { start_time: DAY, results: [{ model: "b, x", num_model_requests: 2, input_tokens: 1, output_tokens: 0, input_audio_tokens: 1 }] },
    { start_time: 9 * DAY, results: [{ model: "a", num_model_requests: 9 }] },
  ];
  const report = reportOf(days, { costs, usage, zone: "UTC" }, (one) => one.model ?? modelOf(one.line_item));
  assert.deepEqual(report.groups.map((one) => one.name), ["b, x", "a"]);
  assert.deepEqual(report.total, { spend: 2, requests: 3, input: 6, output: 6, inputAudio: 1, outputAudio: 0 });
  assert.deepEqual(report.totals[1], { spend: 2, requests: 2, input: 1, output: 0, inputAudio: 1, outputAudio: 0 });
  assert.deepEqual(seriesOf(report, "output"), [{ name: "a", values: [6, 0] }]);
});

test("a chart has few series, and loses nothing", () => {
  const results = Array.from({ length: 9 }, (_, index) => ({ model: `m${index}`, num_model_requests: index + 1 }));
  const report = reportOf(["1970-01-01"], { costs: [], zone: "UTC", usage: [{ start_time: 0, results }] }, (one) => one.model);
  const series = seriesOf(report, "requests", 3);
  assert.deepEqual(series, [{ name: "m8", values: [9] }, { name: "m7", values: [8] }, { name: null, values: [28] }]);
});

test("CSV quotes what it must, and runs no formula", () => {
  assert.equal(formatCsv([["a,b", 'say "x"', -1], ["=1+1", "@x", "line\nbreak"]]), "\"a,b\",\"say \"\"x\"\"\",-1\r\n'=1+1,'@x,\"line\nbreak\"\r\n");
});
