/** Prints what each module of the console imports and exports, as a parser of JavaScript finds it: paths come on stdin. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, packages] = process.argv.slice(2);
const { parse } = createRequire(packages)("espree");

/** @param {any} node @param {(node: any, isTop: boolean) => void} visit @param {boolean} [isTop] outside of functions */
function walk(node, visit, isTop = true) {
  visit(node, isTop);
  const isInner = isTop && !/Function|PropertyDefinition/.test(node.type);
  for (const child of Object.values(node).flat()) if (child && typeof child.type === "string") walk(child, visit, isInner);
}

/** @param {string} path */
function readForms(path) {
  const program = parse(readFileSync(`${folder}/${path}`, "utf8"), { ecmaVersion: "latest", sourceType: "module" });
  const forms = { imports: [], exports: [], loads: 0, metas: 0, waits: false };
  walk(program, (node, isTop) => {
    if (node.type === "ImportExpression") forms.loads += 1;
    if (node.type === "MetaProperty" && node.meta.name === "import") forms.metas += 1;
    if (isTop && node.type === "AwaitExpression") forms.waits = true;
    if (node.type === "ImportDeclaration" || (node.type === "ExportNamedDeclaration" && node.source)) forms.imports.push(node.source.value);
    if (node.type === "ExportAllDeclaration") throw new Error(`${path}: export *`);
    if (node.type === "ExportDefaultDeclaration") forms.exports.push("default");
    if (node.type !== "ExportNamedDeclaration") return;
    forms.exports.push(...node.specifiers.map((one) => one.exported.name));
    const { declaration } = node;
    if (declaration?.kind === "let" || declaration?.kind === "var") throw new Error(`${path}: an export that can change`);
    if (declaration) forms.exports.push(...(declaration.declarations ?? [declaration]).map((one) => one.id.name));
  });
  return forms;
}

const paths = readFileSync(0, "utf8").split("\n");
console.log(JSON.stringify(Object.fromEntries(paths.map((path) => [path, readForms(path)]))));
