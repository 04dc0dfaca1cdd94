import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { axisOf, barOf, isOnAxis, ticksOf, zoomAxis } = await load("lib/timeline.js");

const span = (started, ended, delta = null) => ({ started_at_ms: started, ended_at_ms: ended, first_delta_at_ms: delta });

test("bars are shares of the axis, and never leave it", () => {
  const spans = [span(1_000, 1_100), span(1_100, 2_000, 1_300), span(2_000, null)];
  const axis = axisOf(spans, 3_000);
  assert.deepEqual(axis, { start: 1_000, length: 2_000 });
  assert.deepEqual(barOf(spans[0], axis), { start: 0, length: 0.05, lead: 0 });
  const turn = barOf(spans[1], axis);
  assert.ok(Math.abs(turn.lead - 2 / 9) < 1e-9);
  assert.deepEqual(barOf(spans[2], axis), { start: 0.5, length: 0.5, lead: 0 });
  const late = barOf(span(0, 9_000, 20_000), axis);
  assert.deepEqual(late, { start: 0, length: 1, lead: 1 });
});

test("an axis is never empty", () => {
  assert.deepEqual(axisOf([], 5), { start: 5, length: 1 });
  assert.deepEqual(axisOf([span(7, 7)], 9), { start: 7, length: 1 });
  assert.equal(axisOf([span(7, null)], 3).length, 1);
});

test("ticks are round, few, and within the axis", () => {
  assert.deepEqual(ticksOf(4_310, 5), { step: 1_000, marks: [0, 1_000, 2_000, 3_000, 4_000] });
  assert.deepEqual(ticksOf(80_000, 5), { step: 30_000, marks: [0, 30_000, 60_000] });
  assert.deepEqual(ticksOf(1_000, 5, 3_950).marks, [4_000, 4_200, 4_400, 4_600, 4_800]);
  for (let length = 1; length < 1e8; length = Math.ceil(length * 1.7)) {
    const ticks = ticksOf(length).marks;
    assert.ok(ticks.length >= 1 && ticks.length <= 7, `${length}: ${ticks}`);
    assert.ok(ticks.at(-1) <= length);
    assert.equal(new Set(ticks).size, ticks.length);
  }
});

test("a part of the axis is magnified, and never leaves it", () => {
  const axis = { start: 1_000, length: 8_000 };
  assert.deepEqual(zoomAxis(axis, 1, 5_000), axis);
  assert.deepEqual(zoomAxis(axis, 4, 5_000), { start: 4_000, length: 2_000 });
  assert.deepEqual(zoomAxis(axis, 4, 0), { start: 1_000, length: 2_000 });
  assert.deepEqual(zoomAxis(axis, 4, 99_000), { start: 7_000, length: 2_000 });
  const part = zoomAxis(axis, 4, 5_000);
  const turn = barOf(span(3_000, 5_000, 4_500), part);
  assert.deepEqual(turn, { start: 0, length: 0.5, lead: 0.5 });
  assert.ok(isOnAxis(span(3_000, null), part));
  assert.ok(!isOnAxis(span(1_000, 3_999), part) && !isOnAxis(span(6_001, 7_000), part));
});
