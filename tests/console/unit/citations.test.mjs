import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { numberCitations } = await load("lib/citations.js");

const cite = (text, file) => ({ type: "file_citation", text, file_citation: { file_id: file } });

test("marks become numbers of files, in the order of their first mark", () => {
  const annotations = [cite("【4:0†b.md】", "file-b"), cite("【4:1†a.md】", "file-a"), cite("【4:2†b.md】", "file-b")];
  const { text, sources } = numberCitations("One【4:0†b.md】, two【4:1†a.md】, three【4:2†b.md】.", annotations);
  assert.equal(text, "One [1], two [2], three [1].");
  assert.deepEqual(sources, [{ id: "file-b", number: 1, name: "b.md" }, { id: "file-a", number: 2, name: "a.md" }]);
});

test("what is no citation stays as it is", () => {
  const path = { type: "file_path", text: "sandbox:/mnt/data/x.csv", file_path: { file_id: "file-x" } };
  assert.deepEqual(numberCitations("See sandbox:/mnt/data/x.csv", [path]), { text: "See sandbox:/mnt/data/x.csv", sources: [] });
  assert.deepEqual(numberCitations("a", [cite("", "file-a"), { text: "a" }]), { text: "a", sources: [] });
  assert.equal(numberCitations("$&【0†$1】", [cite("【0†$1】", "f")]).text, "$& [1]");
});
