// Copies the console's third-party modules out of the locked npm packages, with their licences and a manifest of hashes.
// What every page needs is one module; none imports another, since a strict Content-Security-Policy has no import map.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const PACKAGES = join(ROOT, ".venv-clients/console/node_modules");
const VENDOR = join(ROOT, "src/understudy/console/vendor");
const require = createRequire(join(PACKAGES, "_.js"));
const { parse } = require("acorn");
const { buildSync } = require("esbuild");
const { minify } = require("terser");

const LANGUAGES = ["bash", "css", "diff", "javascript", "json", "markdown", "python", "sql", "typescript", "xml", "yaml"];
/** Target file: package, its file, and whether it comes unminified. */
const MODULES = {
  "markdown_it.js": ["markdown-it", "dist/browser/markdown-it.esm.min.mjs"],
  "dompurify.js": ["dompurify", "dist/purify.es.mjs", true],
  "uplot.js": ["uplot", "dist/uPlot.esm.js", true],
  "uplot.css": ["uplot", "dist/uPlot.min.css"],
  "highlight/highlight.js": ["@highlightjs/cdn-assets", "es/core.min.js"],
  ...Object.fromEntries(
    LANGUAGES.map((name) => [`highlight/${name}.js`, ["@highlightjs/cdn-assets", `es/languages/${name}.min.js`]]),
  ),
};
/** What components are written with, joined in `view.js`: the names of `ui/view.js` and no others. */
const VIEW = `export { Fragment, h, render } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export { default as htm } from "htm";
`;
const VIEW_PACKAGES = ["@preact/signals", "@preact/signals-core", "htm", "preact"];
const GRAMMAR_TYPES = "declare const grammar: (hljs: unknown) => object;\nexport default grammar;\n";
const TYPES = {
  "view.d.ts": `${VIEW}export type { Signal } from "@preact/signals";\n`,
  "markdown_it.d.ts": 'export { default } from "markdown-it";\n',
  "dompurify.d.ts": 'export { default } from "dompurify";\n',
  "uplot.d.ts": 'export { default } from "uplot";\n',
  "icons.d.ts": "export declare const ICONS: Readonly<Record<string, readonly (readonly [string, Record<string, string>])[]>>;\n",
  "highlight/highlight.d.ts": `declare const hljs: {
  registerLanguage(name: string, grammar: (hljs: unknown) => object): void;
  getLanguage(name: string): object | undefined;
  highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { value: string };
};
export default hljs;
`,
  ...Object.fromEntries(LANGUAGES.map((name) => [`highlight/${name}.d.ts`, GRAMMAR_TYPES])),
};
/** Lucide icons, as data of a module: a sprite needs `<use>`, which some browsers block under the policy. */
const ICONS = `activity archive arrow-down arrow-right arrow-up bot box braces brain chart-column check chevron-down chevron-left
  chevron-right chevrons-up-down circle circle-alert circle-check circle-slash circle-stop clapperboard clock code
  container copy corner-down-right cpu database download ellipsis eye eye-off file file-plus file-search file-text files
  flask-conical folder funnel gauge git-branch git-compare globe hand heart-pulse hourglass image import inbox info key
  layers link list loader loader-circle log-out mail maximize-2 menu message-circle message-square messages-square
  paperclip pencil play plug plus quote refresh-cw rotate-cw scroll-text search send server settings shield sliders-horizontal sparkles square-terminal table tag terminal text-wrap timer trash triangle-alert upload user users video
  webhook wifi-off wrench x zap`.split(/\s+/);

const written = new Map();

function write(name, content) {
  const path = join(VENDOR, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  written.set(name, createHash("sha256").update(content).digest("hex"));
}

/** A module that imports another would need an import map; a grammar has such text as data. */
function refuseImports(code, name) {
  const source = parse(code, { ecmaVersion: "latest", sourceType: "module" }).body.find((node) => node.source)?.source;
  if (source) throw new Error(`${name} imports ${source.value}, which is not part of it`);
  return code;
}

function joinView() {
  const { outputFiles } = buildSync({
    stdin: { contents: VIEW, resolveDir: PACKAGES },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    write: false,
  });
  write("view.js", refuseImports(outputFiles[0].text, "view.js"));
}

async function copyModule(name, [from, file, isLong]) {
  let code = readFileSync(join(PACKAGES, from, file), "utf8");
  if (isLong) code = (await minify(code, { module: true, format: { comments: /@license|^!/ } })).code;
  code = code.replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "\n");
  write(name, name.endsWith(".js") ? refuseImports(code, name) : code);
}

function writeIcons() {
  const nodes = JSON.parse(readFileSync(join(PACKAGES, "lucide-static/icon-nodes.json"), "utf8"));
  const missing = ICONS.filter((name) => !nodes[name]);
  if (missing.length) console.warn(`Lucide has no icon of this name: ${missing.join(", ")}`);
  const rows = ICONS.filter((name) => nodes[name]).map((name) => {
    const shapes = nodes[name].map(([tag, { key: _, ...attributes }]) => [tag, attributes]);
    return `${JSON.stringify(name)}:${JSON.stringify(shapes)},`;
  });
  write("icons.js", `/* Lucide, ISC licence: LICENSES/lucide-static.txt */\nexport const ICONS={\n${rows.join("\n")}\n};\n`);
}

function writeLicences(packages) {
  for (const name of packages) {
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((one) => join(PACKAGES, name, one)).find(existsSync);
    if (!file) throw new Error(`${name} has no licence file`);
    write(`LICENSES/${name.replace(/^@/, "").replace("/", "-")}.txt`, readFileSync(file, "utf8"));
  }
}

rmSync(VENDOR, { recursive: true, force: true });
for (const [name, source] of Object.entries(MODULES)) await copyModule(name, source);
for (const [name, types] of Object.entries(TYPES)) write(name, types);
joinView();
writeIcons();
const sources = { ...MODULES, "icons.js": ["lucide-static", "icon-nodes.json"] };
const packages = [...new Set([...VIEW_PACKAGES, ...Object.values(sources).map(([name]) => name)])].sort();
writeLicences(packages);
const describe = (name) => {
  const { version, license } = JSON.parse(readFileSync(join(PACKAGES, name, "package.json"), "utf8"));
  return [name, { version, license }];
};
const files = [...written].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sha256]) => {
  const source = sources[name];
  if (name === "view.js") return [name, { sha256, source: VIEW_PACKAGES.join(" + ") }];
  return [name, source ? { sha256, source: `${source[0]}/${source[1]}` } : { sha256 }];
});
const manifest = { packages: Object.fromEntries(packages.map(describe)), files: Object.fromEntries(files) };
writeFileSync(join(VENDOR, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
