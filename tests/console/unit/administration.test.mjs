import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { actorOf, pathOfResource } = await load("lib/audit_events.js");
const { renderSample } = await load("lib/code_samples.js");
const { endOfDay, startOfDay } = await load("lib/days.js");
const { chartsOf, countRequests } = await load("lib/health_history.js");
const { kindOfPath } = await load("lib/key_kinds.js");
const { areComplete, readAmount, writeAmounts } = await load("lib/limits.js");
const { readScopes, writeScopeOf, writeScopes } = await load("lib/scopes.js");

const both = { project: true, admin: true };

test("administration needs an admin key, objects a project's key, and shared reports take what there is", () => {
  assert.equal(kindOfPath("/threads", both), "project");
  assert.equal(kindOfPath("/threads", { project: false, admin: true }), "project");
  assert.equal(kindOfPath("/organization/projects", both), "admin");
  assert.equal(kindOfPath("/organization/usage/completions", both), "project");
  assert.equal(kindOfPath("/organization/costs", { project: false, admin: true }), "admin");
  assert.equal(kindOfPath("/organization/health/history", both), "admin");
  assert.equal(kindOfPath("/organization/health", { project: true, admin: false }), "project");
});

test("samples of administration read the admin key", () => {
  const call = { method: "GET", path: "/organization/projects" };
  assert.ok(renderSample("curl", call, "http://h/v1").includes("Bearer $OPENAI_ADMIN_KEY"));
  assert.ok(renderSample("python", call, "http://h/v1").includes('api_key=os.environ["OPENAI_ADMIN_KEY"]'));
  assert.ok(renderSample("node", call, "http://h/v1").includes("apiKey: process.env.OPENAI_ADMIN_KEY"));
});

test("scopes survive the form", () => {
  for (const scopes of [[], ["api.all.read"], ["api.threads.write", "model.request"], ["api.all.read", "api.files.write"]])
    assert.deepEqual(writeScopes(readScopes(scopes)).sort(), [...scopes].sort());
  assert.equal(readScopes(["api.threads.read", "api.threads.write"]).access.threads, "write");
});

test("the scope that changes objects is that of the resource of their path", () => {
  assert.equal(writeScopeOf("/assistants"), "api.assistants.write");
  assert.equal(writeScopeOf("/threads/runs"), "api.threads.write");
  assert.equal(writeScopeOf("/webhook_deliveries"), "api.webhooks.write");
  assert.equal(writeScopeOf("/api/v3/tools"), "api.tools.write");
});

test("the days of a zone begin at its midnight, on days with a change of the clock too", () => {
  const iso = (seconds) => new Date(seconds * 1000).toISOString();
  assert.equal(iso(startOfDay("2026-11-29", "Europe/Oslo")), "2026-11-28T23:00:00.000Z");
  assert.equal(iso(startOfDay("2026-03-29", "Europe/Oslo")), "2026-03-28T23:00:00.000Z");
  assert.equal(iso(endOfDay("2026-03-29", "Europe/Oslo")), "2026-03-29T22:00:00.000Z");
  assert.equal(iso(startOfDay("2026-06-01", "America/Santiago")), "2026-06-01T04:00:00.000Z");
  assert.ok(Number.isNaN(startOfDay("", "UTC")));
  assert.ok(Number.isNaN(endOfDay("x", "UTC")));
});

test("limits are a number, none, or the default of the settings", () => {
  assert.deepEqual([null, "unlimited", 5].map((amount) => readAmount(amount).mode), ["default", "unlimited", "number"]);
  const choices = { a: readAmount(null), b: readAmount("unlimited"), c: readAmount(7), d: { mode: "keep", text: "" } };
  assert.deepEqual(writeAmounts(choices, "unlimited"), { a: null, b: "unlimited", c: 7 });
  assert.ok(areComplete(choices));
  for (const text of ["", "0", "-1", "1.5", "x"]) assert.ok(!areComplete({ a: { mode: "number", text } }));
});

test("an entry of the audit log names who made the change, and the page of what was changed", () => {
  const key = { type: "api_key.created", actor: { type: "api_key", api_key: { id: "key_1" } }, project: { id: "proj_1" }, "api_key.created": { id: "key_2" } };
  assert.deepEqual(actorOf(key), { kind: "admin-key", id: "key_1", name: null, address: null });
  assert.equal(pathOfResource(key), "projects/proj_1/keys/key_2");
  const person = { type: "user.updated", actor: { type: "session", session: { user: { id: "user-1", email: "a@b.c" }, ip_address: "192.0.2.1" } }, "user.updated": { id: "user-2" } };
  assert.deepEqual(actorOf(person), { kind: "user", id: "user-1", name: "a@b.c", address: "192.0.2.1" });
  assert.equal(pathOfResource(person), "users/user-2");
  assert.equal(pathOfResource({ type: "user.deleted", actor: {}, "user.deleted": { id: "user-2" } }), null);
  assert.equal(actorOf({ actor: { type: "session", session: { user: { id: "user-operator" }, ip_address: "" } } }).kind, "operator");
});

test("a history has a chart of each figure that is known", () => {
  const minute = { requests: 5, errors: 1, limited: 2, latency_p50_ms: 3, latency_p95_ms: 9, first_delta_p50_ms: null, first_delta_p95_ms: null, loop_lag_ms: 1, oldest_waiting_seconds: null };
  const charts = chartsOf([minute, { ...minute, oldest_waiting_seconds: 2 }]);
  assert.deepEqual(charts.map(({ name }) => name), ["requests", "latency", "loop_lag", "waiting"]);
  assert.deepEqual(charts[0].series.map(({ values }) => values[0]), [2, 2, 1]);
  assert.deepEqual(charts[3].series[0].values, [null, 2000]);
  assert.deepEqual(chartsOf([]).map(({ name }) => name), ["requests", "latency"]);
  assert.equal(countRequests([minute, minute]), 10);
});
