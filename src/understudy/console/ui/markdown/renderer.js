/** Markdown to a fragment of safe elements. Raw HTML is text, images are chips, links show their host. */
import { judgeLink } from "../../lib/links.js";
import { loadPurifier, sanitizeWith } from "./sanitize.js";

const MOST_CHARACTERS = 200_000;
const MOST_NESTING = 20;

/** @typedef {(text: string) => DocumentFragment} Renderer */
/** @type {Promise<Renderer> | null} */
let loading = null;
/** @type {Renderer | null} */
let loaded = null;

/** The renderer, or null until it has loaded. */
export function readyRenderer() {
  return loaded;
}

/** The renderer, once its parser and sanitizer are loaded. */
export function loadRenderer() {
  loading ??= Promise.all([import("../../vendor/markdown_it.js"), loadPurifier()]).then(([{ default: MarkdownIt }, purify]) => {
    const parser = new MarkdownIt("default", { html: false, linkify: true, maxNesting: MOST_NESTING });
    adapt(parser);
    loaded = (text) => sanitizeWith(purify, parser.render(text.slice(0, MOST_CHARACTERS)));
    return loaded;
  });
  return loading;
}

/** @param {any} parser */
function adapt(parser) {
  const { rules } = parser.renderer;
  const { escapeHtml } = parser.utils;
  for (const name of ["th_open", "td_open"]) {
    rules[name] = (/** @type {any[]} */ tokens, /** @type {number} */ index) => {
      const align = /text-align:(left|center|right)/.exec(tokens[index].attrGet("style") ?? "")?.[1];
      return `<${tokens[index].tag}${align ? ` class="align-${align}"` : ""}>`;
    };
  }
  for (const name of ["heading_open", "heading_close"]) {
    rules[name] = (/** @type {any[]} */ tokens, /** @type {number} */ index) => {
      const level = Math.min(Number(tokens[index].tag.slice(1)) + 3, 6);
      return name === "heading_open" ? `<h${level}>` : `</h${level}>\n`;
    };
  }
  rules.image = (/** @type {any[]} */ tokens, /** @type {number} */ index) => {
    const source = tokens[index].attrGet("src") ?? "";
    const host = URL.canParse(source) ? new URL(source).host : "";
    return `<span class="image-chip">${escapeHtml([tokens[index].content || "image", host].filter(Boolean).join(" · "))}</span>`;
  };
  parser.core.ruler.push("judge_links", judgeLinks);
}

/**
 * Removes the links that must not be followed, and adds the host to the others where their text leaves it out.
 *
 * @param {any} state
 */
function judgeLinks(state) {
  for (const { children } of state.tokens) {
    if (!children) continue;
    const kept = [];
    let tail = /** @type {any} */ (null);
    for (const [index, token] of children.entries()) {
      if (token.type === "link_open") {
        const close = children.findIndex((/** @type {any} */ one, /** @type {number} */ at) => at > index && one.type === "link_close");
        const text = children.slice(index, close).map((/** @type {any} */ one) => one.content).join("");
        tail = judgeLink(token.attrGet("href") ?? "", text, location.origin);
        if (tail) token.attrSet("href", tail.href);
        if (!tail) continue;
      }
      if (token.type === "link_close" && !tail) continue;
      kept.push(token);
      if (token.type === "link_close" && tail?.host) kept.push(...hostTokens(state, tail));
    }
    children.splice(0, children.length, ...kept);
  }
}

/** @param {any} state @param {{host: string, isUnsafe: boolean}} link */
function hostTokens(state, { host, isUnsafe }) {
  const open = new state.Token("span_open", "span", 1);
  open.attrSet("class", isUnsafe ? "link-host is-unsafe" : "link-host");
  const text = new state.Token("text", "", 0);
  text.content = isUnsafe ? ` ⚠ ${host}` : ` ${host}`;
  return [open, text, new state.Token("span_close", "span", -1)];
}
