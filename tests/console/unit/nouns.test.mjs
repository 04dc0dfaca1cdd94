import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { excerptOf, splitAtWords } = await load("lib/highlight_words.js");
const { decodeText } = await load("lib/text_preview.js");

test("the words of a search are marked where they begin a word", () => {
  const hits = (text, query) => splitAtWords(text, query).filter((piece) => piece.isHit).map((piece) => piece.text);
  assert.deepEqual(hits("No Refunds; refunding, prerefund.", "refund?"), ["Refunds", "refunding"]);
  assert.deepEqual(hits("a.*b [x] grün", ".* [x] GRÜN"), ["grün"]);
  assert.deepEqual(hits("Where is it", "  "), []);
  for (const query of ["refund", "take days", "(", "é"]) assert.equal(splitAtWords("Refunds take 14 days", query).map((piece) => piece.text).join(""), "Refunds take 14 days");
});

test("a preview is text in UTF-8, whose last character may be cut, or nothing", () => {
  const bytes = new TextEncoder().encode("Größe €");
  assert.equal(decodeText(bytes), "Größe €");
  assert.equal(decodeText(bytes.slice(0, -1)), "Größe ");
  assert.equal(decodeText(Uint8Array.of(0x50, 0x4b, 3, 4)), null);
  assert.equal(decodeText(Uint8Array.of(0xff, 0xfe, 65)), null);
});

test("an excerpt begins before the first of the words, and is one line", () => {
  assert.equal(excerptOf("How long\n\ndo refunds take?", "refunds"), "How long do refunds take?");
  const text = `${"word ".repeat(100)}refund ${"more ".repeat(100)}`;
  const excerpt = excerptOf(text, "refund");
  assert.match(excerpt, /^…word .*refund more .*…$/);
  assert.ok(excerpt.length < 260);
  assert.match(excerptOf(`${"x".repeat(500)} refund`, "refund"), /^…(x* )?refund$/);
  assert.equal(excerptOf("nothing of it", "refund"), "nothing of it");
  assert.match(excerptOf(`${"word ".repeat(1_000)}refund ${"more ".repeat(1_000)}`, "refund"), /^…word .*refund more .*…$/);
  assert.match(excerptOf("more ".repeat(1_000), "refund"), /^more .*more ?…$/);
});
