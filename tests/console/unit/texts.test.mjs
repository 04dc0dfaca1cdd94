import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "./modules.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../../src/understudy/console");
const FOLDERS = ["api", "app", "lib", "pages", "state", "ui"];
const sources = FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true })
  .filter((name) => name.endsWith(".js"))
  .map((name) => ({ name: `${folder}/${name}`, code: readFileSync(join(ROOT, folder, name), "utf8") })));
const catalogues = await Promise.all(readdirSync(join(ROOT, "text/en")).map(async (name) => [name.slice(0, -3), (await load(`text/en/${name}`)).default]));
const known = new Set(catalogues.flatMap(([, catalogue]) => Object.keys(catalogue)));
/** Every text in quotes: keys stand in conditions and tables, too. */
const quoted = new Set(sources.flatMap(({ code }) => [...code.matchAll(/["'`]([a-z][\w.-]*)["'`]/g)].map((match) => match[1])));

/** Keys that are put together at run time, such as t(`nav.${path}`), as patterns. */
const templates = sources.flatMap(({ code }) => [...code.replace(/\$\{[^{}]*\}/g, "${}").matchAll(/`((?:[\w.-]|\$\{\})+)`/g)].map((match) => match[1]))
  .filter((text) => text.includes("${}") && /[a-z-]{3,}\.|\.[a-z-]{3,}/.test(text))
  .map((text) => new RegExp(`^${text.replaceAll(".", "\\.").replaceAll("${}", "[\\w.-]+")}$`));

test("every text that the code names exists", () => {
  const missing = sources.flatMap(({ name, code }) => [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1]).filter((key) => !known.has(key)).map((key) => `${name}: ${key}`));
  assert.deepEqual(missing, []);
});

test("every text is used", () => {
  assert.deepEqual([...known].filter((key) => !quoted.has(key) && !templates.some((pattern) => pattern.test(key))), []);
});

test("each catalogue has the keys of its page only, and no key twice", () => {
  for (const [name, catalogue] of catalogues) {
    if (name === "shared") continue;
    const foreign = Object.keys(catalogue).filter((key) => !key.startsWith(`${name}.`) && !key.startsWith(`${name.replaceAll("_", "-")}.`));
    assert.deepEqual(foreign, [], name);
  }
  assert.equal(known.size, catalogues.reduce((sum, [, catalogue]) => sum + Object.keys(catalogue).length, 0));
});

test("no text has markup, and each plural has the form for all other numbers", () => {
  for (const text of catalogues.flatMap(([, catalogue]) => Object.values(catalogue))) {
    if (typeof text === "string") assert.doesNotMatch(text, /<\w+[^>]*>/);
    else assert.ok(text.other, JSON.stringify(text));
  }
});

test("every icon that the code names is vendored", async () => {
  const { ICONS } = await load("vendor/icons.js");
  const named = sources.flatMap(({ code }) => [...code.matchAll(/\bicon(?:=|: )"([\w-]+)"|<\$\{Icon\} name="([\w-]+)"/g)].map((match) => match[1] ?? match[2]));
  assert.deepEqual([...new Set(named)].filter((name) => !ICONS[name]), []);
});

test("no text is put together with a value beside it: a language decides where the value stands", () => {
  const value = /<\$\{(?:Time|Duration|Bytes|Count|Money)\} [^>]*\/>/.source;
  const beside = new RegExp(`\\$\\{t\\([^)]*\\)\\}[ \u00a0]${value}|${value}[ \u00a0]\\$\\{t\\(`, "g");
  const found = sources.flatMap(({ name, code }) => [...code.matchAll(beside)].map((match) => `${name}: ${match[0]}`));
  assert.deepEqual(found, []);
});

test("each page loads the catalogues of all texts that its modules name", async () => {
  const shared = Object.keys((await load("text/en/shared.js")).default);
  const names = new Set(catalogues.map(([name]) => name));
  const codeOf = new Map(sources.map(({ name, code }) => [name, code]));
  const pages = [...codeOf.get("app/routes.js").matchAll(/page: "([^"]+)"/g)].map((match) => `pages/${match[1]}.js`);
  const missing = pages.flatMap((page) => {
    const modules = modulesOf(page, codeOf);
    const loaded = [page.split("/")[1], ...modules.flatMap((name) => [...codeOf.get(name).matchAll(/loadTexts\("(\w+)"\)/g)].map((match) => match[1]))];
    const named = /^export const texts = \[(.*)\];$/m.exec(codeOf.get(page))?.[1] ?? "";
    loaded.push(...[...named.matchAll(/"(\w+)"/g)].map((match) => match[1]));
    return modules.flatMap((name) => [...codeOf.get(name).replace(/\/\*[^]*?\*\//g, "").matchAll(/\bt\(\s*["`](([\w-]+)\.[\w.-]*)/g)]
      .filter(([, key, prefix]) => names.has(prefix.replaceAll("-", "_")) && !loaded.includes(prefix.replaceAll("-", "_")) && !shared.some((one) => one.startsWith(key)))
      .map(([, key]) => `${page}: ${name} has ${key}`));
  });
  assert.deepEqual([...new Set(missing)], []);
});

/** The modules that a page imports, at first or later. A module that loads texts by itself needs none of its page. */
function modulesOf(page, codeOf) {
  const found = [page];
  for (const name of found) {
    for (const [, target] of codeOf.get(name).matchAll(/(?:from |^import |import\()"(\.[^"]+)"/gm)) {
      const path = join(dirname(name), target);
      if (codeOf.has(path) && !path.startsWith("app/") && !found.includes(path)) found.push(path);
    }
  }
  return found;
}
