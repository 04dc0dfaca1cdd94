/** What may not appear in the console's code: unused names, loose comparisons, and every way around the sanitizer. */
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const require = createRequire(join(root, ".venv-clients/console/node_modules/_.js"));
const globals = require("globals");

const MARKUP = "Content of others stays text; rich text goes through ui/markdown.";
const properties = ["innerHTML", "outerHTML", "srcdoc", "dangerouslySetInnerHTML"];
const restricted = [
  ...properties.map((name) => ({ selector: `AssignmentExpression > MemberExpression.left[property.name='${name}']`, message: MARKUP })),
  { selector: "Property[key.name='dangerouslySetInnerHTML']", message: MARKUP },
  { selector: "TemplateElement[value.raw=/dangerouslySetInnerHTML|innerHTML/]", message: MARKUP },
  { selector: "CallExpression[callee.property.name=/^(insertAdjacentHTML|createContextualFragment|setHTMLUnsafe|parseFromString)$/]", message: MARKUP },
  { selector: "CallExpression[callee.object.name='document'][callee.property.name=/^write/]", message: MARKUP },
  { selector: "CallExpression[callee.property.name='setAttribute'][arguments.0.value=/^(style|on)/]", message: "The policy blocks it." },
  { selector: "CallExpression[callee.property.name='open'][callee.object.name='window']", message: "Use a link." },
];

export default [
  { ignores: ["**/vendor/**"] },
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "prefer-const": "error",
      "no-var": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-console": "error",
      "no-self-compare": "error",
      "no-unreachable": "error",
      "no-useless-return": "error",
      "no-restricted-syntax": ["error", ...restricted],
      complexity: ["error", 26],
      "max-depth": ["error", 4],
      "max-lines": ["error", { max: 200, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["**/{app,ui,pages,lib,text}/**", "**/state/!(settings).js"],
    rules: {
      "no-restricted-globals": ["error",
        { name: "fetch", message: "Requests go through api/client.js." },
        { name: "localStorage", message: "Choices go through state/settings.js." },
        { name: "alert", message: "Use ui/confirm.js." },
      ],
    },
  },
];
