import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { closedFence, frozenEnd, hasDefinitions, openFence, pieceEnd, tableHead } = await load("lib/markdown_blocks.js");
const { closeTail } = await load("lib/markdown_tail.js");
const { default: MarkdownIt } = await load("vendor/markdown_it.js");
const parser = new MarkdownIt("default", { html: false, linkify: true });

const CORPUS = [
  "# Title\n\nFirst *paragraph* with **bold** and `code`.\n\nSecond.\n",
  "A list:\n\n- one\n- two\n\n  inside two\n\n- three\n\nAfter the list.\n\n1. a\n2. b\n\nEnd.",
  "Code:\n\n```python\ndef f():\n\n    return 1\n```\n\nAfter.\n\n~~~\n```\n\nstill\n~~~\n\nEnd.",
  "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\nText after the table.\n\n> quote\n>\n> more\n\nafter",
  "Setext\n===\n\nText\n\n    indented\n\n    code\n\nEnd",
  "Link [a] here.\n\nMore.\n\n[a]: https://example.com\n\nLast.",
  "Run this:\n```sh\nls\n\nrm\n```\nThen that.\n- a\n```\nb\n```\n- c\n  ```\n  inner\n  ```\n> q\n~~~\n```\n~~~\n````md\n```\nx\n```\n````\nend\n",
  "- ```\n  in a list\n```\nnot in it\n```\n\n1. x\n   ```py\n   y\n   ```\n2. z\n\n``` `no fence` ```\n\nend\n\n```\nstays open\n\n- x",
  "A table:\n\n| a |\n|---|\n| 1 |\n\n| not one\n\n- x\n\n| p\n| q\n\n> r\n\n| s\n",
  "1) x\n\n   y\n\nÜber\n\n---\n\nПривет\n\n* a\n\n\n* b\n\n\nend\n",
];

test("finished blocks and the rest render to the whole text, for every division of it", () => {
  assert.equal(CORPUS.filter(hasDefinitions).length, 1);
  for (const text of CORPUS.filter((one) => !hasDefinitions(one))) {
    const whole = parser.render(text);
    let frozen = 0;
    let parts = "";
    for (let length = 0; length <= text.length; length += 1) {
      const end = frozenEnd(text.slice(0, length), frozen);
      assert.ok(end >= frozen && end <= length);
      parts += parser.render(text.slice(frozen, end));
      frozen = end;
      assert.equal(normalize(parts + parser.render(text.slice(frozen))), normalize(whole), `${JSON.stringify(text)} at ${length}`);
    }
  }
});

test("blocks become final while text arrives", () => {
  const text = "First paragraph.\n\nSecond paragraph.\n\nThird";
  assert.equal(frozenEnd(text, 0), text.indexOf("Third"));
  assert.equal(frozenEnd("```\na\n\nb\n", 0), 0);
});

test("a fence that begins its lines ends the block before it, and ends itself", () => {
  const text = "Run:\n```sh\nls\n```\nthen";
  assert.equal(frozenEnd("Run:\n```sh\nl", 0), 5);
  assert.equal(frozenEnd(text, 5), text.indexOf("then"));
  assert.equal(frozenEnd("- a\n  ```\n  b\n  ```\n", 0), 0);
});

test("the code of an open fence never has a part of its end", () => {
  const text = "```js\nlet a;\n``\n   ``` \n";
  const codes = Array.from({ length: text.length }, (_, length) => openFence(text.slice(0, length))?.code);
  assert.deepEqual([...new Set(codes)].filter((code) => code?.includes("```")), []);
  const grown = codes.filter((code) => code !== undefined);
  assert.ok(grown.every((code, index) => index === 0 || code.startsWith(grown[index - 1])));
  assert.deepEqual(closedFence(`${text}after`), { code: "let a;\n``\n", length: text.length });
  assert.equal(openFence("text\n```js\n"), null);
  assert.equal(openFence("``` `a` ```\n"), null);
  assert.equal(openFence("```\r\na"), null);
});

test("a long block is divided at its lines, at words, or within a pair of surrogates never", () => {
  assert.equal(pieceEnd("short", 0), 0);
  const list = "- item\n  more\n".repeat(2_000);
  assert.match(list.slice(pieceEnd(list, 0)), /^- item/);
  assert.ok(pieceEnd(list, 0) > 4_000);
  const words = "word ".repeat(4_000);
  assert.match(words.slice(pieceEnd(words, 0)), /^word/);
  const smile = "\u{1f600}".repeat(5_000);
  for (const text of [smile, `x${smile}`]) assert.match(text.slice(pieceEnd(text, 0)), /^[\uD800-\uDBFF]/);
  assert.equal(tableHead("| a | b |\n|---|:-:|\n| 1 | 2 |\n"), "| a | b |\n|---|:-:|\n");
  assert.equal(tableHead("a | b\nc | d\n"), "");
  assert.equal(tableHead("The table:\n| a | b |\n|---|:-:|\n| 1 | 2 |\n"), "| a | b |\n|---|:-:|\n");
  assert.equal(tableHead("| a |\n|---|\n| 1 |\n\nThe end.\n"), "");
});

test("the last block has no half marks", () => {
  assert.equal(closeTail("some **bo"), "some **bo**");
  assert.equal(closeTail("some **"), "some ");
  assert.equal(closeTail("see [text](htt"), "see text");
  assert.equal(closeTail("see [te"), "see te");
  assert.equal(closeTail("a `co"), "a `co`");
  assert.equal(closeTail("text\n- "), "text\n");
  assert.equal(closeTail("```js\nlet a = `**"), "```js\nlet a = `**");
  for (const text of CORPUS) {
    for (let length = 0; length <= text.length; length += 1) {
      assert.doesNotMatch(parser.render(closeTail(text.slice(0, length).split("\n\n").at(-1))).replace(/<code.*?<\/code>/gs, ""), /\*\*/);
    }
  }
});

/** Two lists or quotes of the same kind beside each other are one to a reader. */
function normalize(markup) {
  return markup.replaceAll(/\s+/g, " ").trim();
}
