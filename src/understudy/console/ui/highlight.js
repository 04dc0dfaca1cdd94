/** Colours of code. The highlighter and each grammar are loaded when first needed. */
import { sanitizeFragment } from "./markdown/sanitize.js";

/** @type {Record<string, string>} */
const ALIASES = { sh: "bash", shell: "bash", curl: "bash", js: "javascript", node: "javascript", ts: "typescript", py: "python", md: "markdown", html: "xml", svg: "xml", yml: "yaml", jsonl: "json" };
const LANGUAGES = new Set(["bash", "css", "diff", "javascript", "json", "markdown", "python", "sql", "typescript", "xml", "yaml"]);
const MOST_CHARACTERS = 65_536;

/**
 * Replaces the text of an element with the same text in colours. Unknown languages and long code stay plain.
 *
 * @param {Element} element
 * @param {string} code
 * @param {string} language
 */
export async function highlightCode(element, code, language) {
  const name = ALIASES[language.toLowerCase()] ?? language.toLowerCase();
  if (!LANGUAGES.has(name) || code.length > MOST_CHARACTERS) return;
  const [{ default: hljs }, { default: grammar }] = await Promise.all([
    import("../vendor/highlight/highlight.js"),
    import(`../vendor/highlight/${name}.js`),
  ]);
  if (!hljs.getLanguage(name)) hljs.registerLanguage(name, grammar);
  const { value } = hljs.highlight(code, { language: name, ignoreIllegals: true });
  const fragment = await sanitizeFragment(value);
  // The text can have changed while the grammar was loading.
  if (element.textContent === code) element.replaceChildren(fragment);
}
