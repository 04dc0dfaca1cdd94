import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { trimOverlaps } = await load("lib/chunks.js");

const TEXT = "Zürich 😀 harbour rules: anchors are checked in May, ropes in June.";
const chunk = (index, start, end) => ({ index, start, end, text: [...TEXT].slice(start, end).join("") });
const CHUNKS = [chunk(3, 0, 20), chunk(4, 12, 40), chunk(5, 33, 50), chunk(6, 51, 60)];

test("neighbouring chunks have no text twice, and the chunk in focus is whole", () => {
  for (const focus of [3, 4, 5, 6]) {
    const texts = trimOverlaps(CHUNKS, focus);
    assert.equal(texts[focus - 3], CHUNKS[focus - 3].text);
    assert.equal(texts.slice(0, 3).join(""), [...TEXT].slice(0, 50).join(""));
    assert.equal(texts[3], CHUNKS[3].text);
  }
  assert.deepEqual(trimOverlaps(CHUNKS, null)[0], CHUNKS[0].text);
  assert.deepEqual(trimOverlaps([], 1), []);
});
