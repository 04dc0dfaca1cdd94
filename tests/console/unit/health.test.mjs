import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { isTrouble, judgeHealth } = await load("lib/health.js");
const texts = (await load("text/en/health.js")).default;

const node = (changes = {}) => ({ id: "n", host: "a", role: "server", version: "1", live: true, ...changes });
const queues = ["runs", "batches", "files", "videos", "deliveries", "transfers"];
const well = {
  checked_at: 100_000, nodes: [node()], broker: { available: true }, blobs: { free_bytes: null, total_bytes: null },
  queues: queues.map((name) => ({ name, waiting: 0, oldest_created_at: null })),
  providers: [{ name: "p", last_success_at: 5, last_error_at: 4, last_error: "timeout" }], sandbox: { available: true, problem: null },
};

test("a server that is well has no findings", () => {
  assert.deepEqual(judgeHealth(well), []);
  assert.deepEqual(judgeHealth({ ...well, sandbox: null }), []);
});

test("everything that can be wrong is found, the worst first, and has a text and an advice", () => {
  const findings = judgeHealth({
    ...well,
    nodes: [node({ role: "server without jobs" }), node({ version: "2", role: "server without jobs" }), node({ live: false, host: "gone" })],
    broker: { available: false }, blobs: { free_bytes: 1e9, total_bytes: 1e12 },
    queues: queues.map((name) => ({ name, waiting: 1, oldest_created_at: 1 })),
    providers: [{ name: "p", last_success_at: 5, last_error_at: 6, last_error: "rate_limit" }],
    sandbox: { available: false, problem: "bubblewrap is missing" },
  });
  const names = ["no-workers", "broker", "disk", "versions", "dead-node", ...queues.map((name) => `queue-${name}`), "provider", "sandbox"];
  assert.deepEqual(findings.map((one) => one.name).sort(), names.sort());
  const levels = findings.map((one) => one.level);
  assert.deepEqual(levels, [...levels].sort((a, b) => ["error", "warn", "info"].indexOf(a) - ["error", "warn", "info"].indexOf(b)));
  assert.ok(!isTrouble(findings.at(-1)));
  for (const { name } of findings) assert.ok(texts[`health.finding.${name}`] && texts[`health.advice.${name}`], name);
});

test("a small disk is judged by its share", () => {
  assert.deepEqual(judgeHealth({ ...well, blobs: { free_bytes: 2e9, total_bytes: 20e9 } }), []);
});
