import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./modules.mjs";

const { EventParser } = await load("lib/event_parser.js");
const { matchPath, buildQuery, pathOfId } = await load("lib/paths.js");
const format = await load("lib/format.js");
const { safeFilename, isExecutable } = await load("lib/filename.js");
const { KeySequence, nameKey } = await load("lib/key_sequence.js");
const { Messages } = await load("lib/messages.js");
const { judgeLink } = await load("lib/links.js");
const { rowWindow } = await load("lib/row_window.js");
const { HeightIndex } = await load("lib/height_index.js");
const { parseJson } = await load("lib/json_errors.js");
const { readForm, writeForm } = await load("lib/form_values.js");
const { renderSample } = await load("lib/code_samples.js");

test("events are the same for every division of their bytes", () => {
  const text = ": comment\n\nevent: a\ndata: {\"x\":\ndata: 1}\nid: 3\n\r\ndata: second\r\n\r\nevent: lost\n\ndata: é\rid: 4\r\r\n";
  const whole = new EventParser().push(`${text}\n`);
  assert.deepEqual(whole, [
    { id: "3", event: "a", data: '{"x":\n1}' },
    { id: null, event: "message", data: "second" },
    { id: "4", event: "message", data: "é" },
  ]);
  for (let first = 0; first <= text.length; first += 1) {
    for (const second of [first, (first + text.length) >> 1]) {
      const parser = new EventParser();
      const parts = [text.slice(0, first), text.slice(first, second), text.slice(second), "\n"];
      assert.deepEqual(parts.flatMap((part) => parser.push(part)), whole, `divided at ${first} and ${second}`);
    }
  }
});

test("paths match patterns and decode their parameters", () => {
  const rows = [{ path: "" }, { path: "threads" }, { path: "threads/:thread/runs/:run" }];
  assert.equal(matchPath(rows, "").row, rows[0]);
  assert.deepEqual(matchPath(rows, "threads/a%20b/runs/%zz").params, { thread: "a b", run: "%zz" });
  assert.equal(matchPath(rows, "threads/a"), null);
  assert.equal(buildQuery({ q: "a b", none: null, empty: "", "status[]": ["x", "y"], limit: 5 }), "?q=a+b&status%5B%5D=x&status%5B%5D=y&limit=5");
  assert.equal(pathOfId("thread_56BAWe6k"), "threads/thread_56BAWe6k");
  assert.equal(pathOfId("thread_../x"), null);
});

test("times use the zone of the reader, also across the change of clocks", () => {
  const now = new Date("2026-03-29T12:00:00Z");
  const oslo = { zone: "Europe/Oslo", language: "en-GB" };
  const seconds = (text) => Date.parse(text) / 1000;
  assert.equal(format.formatTime(seconds("2026-03-29T00:30:00Z"), oslo, now), "01:30");
  assert.equal(format.formatTime(seconds("2026-03-29T01:30:00Z"), oslo, now), "03:30");
  assert.equal(format.formatTime(seconds("2026-03-28T23:30:00Z"), oslo, now), "00:30");
  assert.equal(format.formatTime(seconds("2026-03-28T23:30:00Z"), { ...oslo, zone: "America/Santiago" }, now), "28 Mar, 20:30");
  assert.equal(format.formatTime(seconds("2024-06-01T00:00:00Z"), oslo, now), "1 Jun 2024");
  assert.equal(format.dayOf(new Date("2026-11-29T23:30:00Z"), "Asia/Kolkata"), "2026-11-30");
  assert.equal(format.formatTime(null, oslo), "—");
  assert.match(format.formatFullTime(0, { ...oslo, zone: "Asia/Kolkata" }), /05:30:00.*GMT\+5:30/);
});

test("sizes, sums and durations keep their unit and zero is no dash", () => {
  assert.deepEqual([0, 999, 1000, 38_000_000].map((bytes) => format.formatBytes(bytes, "en")), ["0 B", "999 B", "1 KB", "38 MB"]);
  assert.deepEqual([0, 0.00312, 41.2, null].map((sum) => format.formatMoney(sum, "en")), ["$0.00", "$0.0031", "$41.20", "—"]);
  assert.deepEqual([0, 420, 4310, 61_000, 3_700_000].map((ms) => format.formatDuration(ms, "en")), ["0 ms", "420 ms", "4.31 s", "1 min 1 s", "1 h 1 min"]);
  assert.equal(format.shortenId("thread_56BAWe6kXYZ9fQ2"), "thread_56BA…9fQ2");
  assert.equal(format.shortenId("vs_1"), "vs_1");
  assert.equal(format.revealControls("a\u202egnp.exe\u0000"), "a⟨U+202E⟩gnp.exe⟨U+0000⟩");
});

test("names of downloads lose their folders, controls and leading dots", () => {
  assert.equal(safeFilename("../../etc/passwd"), "passwd");
  assert.equal(safeFilename("C:\\x\\report\u202etxt.exe"), "report_txt.exe");
  assert.equal(safeFilename("...bashrc"), "bashrc");
  assert.equal(safeFilename("///"), "download");
  assert.ok(isExecutable("a.HTML") && isExecutable("x.svg") && !isExecutable("notes.txt"));
});

test("a sequence of two keys completes within a second only", () => {
  const known = new Set(["g t", "t", "mod+k"]);
  const keys = new KeySequence();
  assert.equal(keys.push("g", known, 0), null);
  assert.equal(keys.push("t", known, 900), "g t");
  assert.equal(keys.push("g", known, 1000), null);
  assert.equal(keys.push("t", known, 2100), "t");
  assert.equal(keys.push("x", known, 2200), null);
  const event = { key: "K", ctrlKey: true, metaKey: false, altKey: false };
  assert.equal(nameKey(event), "mod+k");
  assert.equal(nameKey({ ...event, altKey: true }), null);
});

test("texts have values and plural forms", () => {
  const messages = new Messages("en");
  messages.add({ rows: { one: "{count} row", other: "{count} rows" }, name: "Delete {name}?" });
  assert.equal(messages.format("rows", { count: 1 }), "1 row");
  assert.equal(messages.format("rows", { count: 1234 }), "1,234 rows");
  assert.equal(messages.format("name", { name: "{name}" }), "Delete {name}?");
  assert.equal(messages.format("missing"), "missing");
});

test("only links of the web and of mail are followed, and their host is visible", () => {
  const own = "https://host.example";
  assert.deepEqual(judgeLink("https://apple.com/x", "apple.com", own), { href: "https://apple.com/x", host: "", isUnsafe: false });
  assert.equal(judgeLink("https://apple.com", "click", own).host, "apple.com");
  assert.deepEqual(judgeLink("https://xn--pple-43d.com/", "http://аpple.com", own), { href: "https://xn--pple-43d.com/", host: "xn--pple-43d.com", isUnsafe: true });
  for (const href of ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "/v1/keys", `${own}/console/admin`, "https://apple.com@evil.example/", "file:///etc"]) {
    assert.equal(judgeLink(href, "x", own), null, href);
  }
});

test("a long table renders only the rows near the viewport", () => {
  assert.deepEqual(rowWindow({ count: 50, rowHeight: 36, top: 0, height: 800 }), { start: 0, end: 50, before: 0, after: 0 });
  const view = rowWindow({ count: 10_000, rowHeight: 36, top: 36_000, height: 720 });
  assert.deepEqual(view, { start: 980, end: 1040, before: 980 * 36, after: 8960 * 36 });
  assert.equal(rowWindow({ count: 300, rowHeight: 36, top: 1e9, height: 720 }).start, 300);
});

test("the error of JSON names its line", () => {
  assert.deepEqual(parseJson('{"a": 1}'), { ok: true, value: { a: 1 } });
  const lines = { '{\n "a": 1,\n "b": }\n': 3, '{\n "a": 1,\n': 3, '[{"type": "x"},\n {"type": oops}\n]': 2, "[1,\n2\n3]": 3, '"a\nb"': 1, "": 1, "[1]\n]": 2, '{"a"\n1}': 2 };
  for (const [text, line] of Object.entries(lines)) assert.equal(parseJson(text).line, line, text);
  assert.equal(parseJson('[{"type": "x"},\n {"type": oops}\n]').message, "Unexpected token 'o'");
  assert.equal(parseJson("[".repeat(100_000)).line, 1);
});

test("a form sends what is not empty at first, and what has changed later", () => {
  const fields = [{ name: "name", kind: "text" }, { name: "tools", kind: "json", initial: [] }, { name: "metadata", kind: "metadata" }, { name: "top_p", kind: "number" }];
  const empty = readForm(fields);
  assert.deepEqual(empty, { name: "", tools: "", metadata: "", top_p: "" });
  assert.deepEqual(writeForm(fields, { ...empty, name: "A", top_p: "0.5" }), { name: "A", top_p: 0.5 });
  const row = { name: "A", tools: [{ type: "x" }], metadata: { a: "1" }, top_p: 1 };
  const texts = readForm(fields, row);
  assert.deepEqual(writeForm(fields, texts, row), {});
  assert.deepEqual(writeForm(fields, { ...texts, name: "", tools: "", metadata: "", top_p: "" }, row), { name: null, tools: [], metadata: {}, top_p: null });
  assert.deepEqual(writeForm(fields, { ...texts, tools: "[broken" }, row), { tools: "[broken" });
});

test("samples have the call, and a variable in place of the key", () => {
  const call = { method: "POST", path: "/threads", body: { metadata: { a: "it's" }, flag: true, none: null } };
  const curl = renderSample("curl", call, "http://h/v1");
  assert.ok(curl.includes("$OPENAI_API_KEY") && curl.includes(`"it'\\''s"`), curl);
  const python = renderSample("python", call, "http://h/v1");
  assert.ok(python.includes('"flag": True,') && python.includes('"none": None,'), python);
  assert.ok(renderSample("node", { method: "GET", path: "/x", query: { limit: 2 } }, "http://h/v1").includes('client.get("/x", { query: {"limit":2} })'));
  const run = { method: "POST", path: "/threads/thread_1/runs", body: { assistant_id: "asst_1", temperature: null } };
  assert.ok(renderSample("python", run, "http://h/v1").includes('client.beta.threads.runs.create(\n    "thread_1",\n    assistant_id="asst_1",\n    temperature=None,\n)'));
  const streamed = { method: "POST", path: "/responses", body: { model: "m", input: "Hi", stream: true } };
  assert.ok(renderSample("node", streamed, "http://h/v1").includes("for await (const event of result)"));
});

test("positions in 10,000 rows of random heights are those of a plain sum", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const ids = Array.from({ length: 10_000 }, (_, at) => `row${at}`);
  const heights = new Map();
  const index = new HeightIndex(80);
  index.setRows(ids);
  for (const id of ids) if (random() < 0.7) heights.set(id, 20 + Math.floor(random() * 900));
  for (const [id, height] of heights) index.measure(id, height);
  const sum = (rows) => rows.reduce((total, id) => total + (heights.get(id) ?? 80), 0);
  assert.equal(index.total, sum(ids));
  for (let round = 0; round < 200; round += 1) {
    const position = random() * index.total;
    const at = index.indexAt(position);
    assert.ok(index.offsetOf(at) <= position && position < index.offsetOf(at + 1));
  }
  assert.equal(index.offsetOf(5_000), sum(ids.slice(0, 5_000)));
  const offset = index.offsetOf(5_000);
  index.setRows(["older1", "older2", ...ids]);
  assert.equal(index.offsetOf(5_002), offset + 160, "rows keep their heights when older ones arrive");
  assert.equal(index.measure("row0", heights.get("row0") ?? 80.1), !heights.has("row0"));
  assert.deepEqual(new HeightIndex(50).rangeOf(0, 100, 10), { start: 0, end: 0 });
});
