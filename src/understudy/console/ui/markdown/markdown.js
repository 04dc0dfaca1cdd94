/**
 * Markdown that can still grow. Finished blocks are appended once and never touched again, so that a selection, a scroll
 * position and a copy button under the pointer stay; only the last block is rendered for each frame.
 */
import { frozenEnd, hasDefinitions } from "../../lib/markdown_blocks.js";
import { closeTail } from "../../lib/markdown_tail.js";
import { addCodeTools } from "./code_tools.js";
import { loadRenderer, readyRenderer } from "./renderer.js";
import { html, useEffect, useLayoutEffect, useRef } from "../view.js";

/** @param {{text: string, isGrowing?: boolean}} props */
export function Markdown({ text, isGrowing = false }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const view = useRef(/** @type {GrowingView | null} */ (null));
  useLayoutEffect(() => {
    if (!element.current) return;
    view.current ??= new GrowingView(element.current);
    view.current.update(text, isGrowing);
  }, [text, isGrowing]);
  useEffect(() => () => view.current?.stop(), []);
  return html`<div class="markdown" dir="auto" ref=${element}></div>`;
}

export class GrowingView {
  #text = "";
  #isGrowing = false;
  #frozen = 0;
  #frozenText = "";
  #frame = 0;
  /** @type {((text: string) => DocumentFragment) | null} */
  #render = null;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.tail = document.createElement("div");
    this.tail.className = "markdown-tail";
    element.append(this.tail);
  }

  /** @param {string} text @param {boolean} isGrowing */
  update(text, isGrowing) {
    this.#text = text;
    this.#isGrowing = isGrowing;
    this.#render ??= readyRenderer();
    if (!this.#render) {
      // Plain text until the renderer has loaded.
      this.tail.textContent = text;
      loadRenderer().then((render) => {
        this.#render = render;
        this.#paint();
      });
    } else if (isGrowing) this.#frame ||= requestAnimationFrame(() => this.#paint());
    else this.#paint();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }

  #paint() {
    this.#frame = 0;
    if (!this.#render) return;
    const isRewritten = !this.#isGrowing && this.#frozen < this.#text.length && hasDefinitions(this.#text);
    if (isRewritten || !this.#text.startsWith(this.#frozenText)) this.#restart();
    const end = this.#isGrowing ? frozenEnd(this.#text, this.#frozen) : this.#text.length;
    if (end > this.#frozen) this.#freeze(end);
    const rest = this.#text.slice(this.#frozen);
    this.tail.replaceChildren(rest ? this.#render(closeTail(rest)) : "");
    if (rest) addCodeTools(this.tail, { isFinal: false });
  }

  /** @param {number} end */
  #freeze(end) {
    const block = document.createElement("div");
    block.append(/** @type {(text: string) => DocumentFragment} */ (this.#render)(this.#text.slice(this.#frozen, end)));
    addCodeTools(block, { isFinal: true });
    this.tail.before(...block.childNodes);
    this.#frozen = end;
    this.#frozenText = this.#text.slice(0, end);
  }

  /** Finished blocks have changed: by an edit, or by the definition of a link after its use. */
  #restart() {
    this.element.replaceChildren(this.tail);
    this.#frozen = 0;
    this.#frozenText = "";
  }
}
