/**
 * Markdown that can still grow. Finished blocks are appended once and never touched again, so that a selection, a scroll
 * position and a copy button under the pointer stay; only the last block is rendered for each frame.
 */
import { closedFence, frozenEnd, hasDefinitions, hasFenceLine, openFence, pieceEnd, tableHead } from "../../lib/markdown_blocks.js";
import { closeTail } from "../../lib/markdown_tail.js";
import { addCodeTools } from "./code_tools.js";
import { OpenFence } from "./open_fence.js";
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
  /**
   * Where the first block begins that was divided because it became long, and the node before it: from there, the complete
   * text is rendered once more.
   *
   * @type {{from: number, before: ChildNode | null} | null}
   */
  #divided = null;
  /** The lines that the pieces of a divided table need. */
  #tableHead = "";
  /** @type {OpenFence | null} */
  #fence = null;
  /** How much of the open fence was searched for its end. */
  #fenceRead = 0;
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
    const isRewritten = !this.#isGrowing && (this.#divided !== null || this.#frozen < this.#text.length) && hasDefinitions(this.#text);
    if (isRewritten || !this.#text.startsWith(this.#frozenText)) this.#restart();
    else if (!this.#isGrowing && this.#divided) this.#join(this.#divided);
    if (this.#isGrowing && !this.#isInFence()) this.#freezeFinished();
    else if (!this.#isGrowing && this.#text.length > this.#frozen) this.#freeze(this.#text.length);
    this.#paintTail();
  }

  /** Whether the open fence has not ended: a long one is not read from its beginning for each frame. */
  #isInFence() {
    if (!this.#fence) return false;
    const from = this.#frozen + this.#fenceRead;
    this.#fenceRead = Math.max(this.#text.lastIndexOf("\n") + 1 - this.#frozen, 0);
    return !hasFenceLine(this.#text.slice(from));
  }

  #freezeFinished() {
    this.#freeze(frozenEnd(this.#text, this.#frozen));
    while (!openFence(this.#text.slice(this.#frozen))) {
      const end = pieceEnd(this.#text, this.#frozen);
      if (end === this.#frozen) return;
      this.#divided ??= { from: this.#frozen, before: /** @type {ChildNode | null} */ (this.tail.previousSibling) };
      const head = this.#tableHead || tableHead(this.#text.slice(this.#frozen, end));
      this.#freeze(end);
      this.#tableHead = head;
    }
  }

  #paintTail() {
    const rest = this.#text.slice(this.#frozen);
    const fence = this.#isGrowing ? openFence(rest) : null;
    if (fence) {
      if (!this.#fence?.isBeginningOf(fence.code)) {
        this.#fenceRead = 0;
        this.#fence = new OpenFence(this.#renderPart(fence.head));
        this.tail.replaceChildren(this.#fence.figure);
      }
      this.#fence.update(fence.code);
      return;
    }
    this.#fence = null;
    this.tail.replaceChildren(rest ? this.#renderPart(closeTail(rest)) : "");
    if (rest) addCodeTools(this.tail, { isFinal: false });
  }

  /** @param {number} end */
  #freeze(end) {
    if (end <= this.#frozen) return;
    if (this.#fence) this.#freezeFence();
    if (end > this.#frozen) {
      const block = document.createElement("div");
      block.append(this.#renderPart(this.#text.slice(this.#frozen, end)));
      addCodeTools(block, { isFinal: true });
      this.tail.before(...block.childNodes);
    }
    this.#frozen = end;
    this.#frozenText = this.#text.slice(0, end);
    this.#tableHead = "";
  }

  /** The open fence is complete: its element stays. */
  #freezeFence() {
    const fence = /** @type {OpenFence} */ (this.#fence);
    this.#fence = null;
    const { code, length } = closedFence(this.#text.slice(this.#frozen));
    fence.finish(code);
    this.tail.before(fence.figure);
    this.#frozen += length;
  }

  /** @param {string} text */
  #renderPart(text) {
    const fragment = /** @type {(text: string) => DocumentFragment} */ (this.#render)(this.#tableHead + text);
    if (this.#tableHead) fragment.querySelector("table thead")?.remove();
    return fragment;
  }

  /** Finished blocks have changed: by an edit, or by the definition of a link after its use. */
  #restart() {
    this.#join({ from: 0, before: null });
  }

  /** Removes what was rendered of the text from a place on. @param {{from: number, before: ChildNode | null}} place */
  #join({ from, before }) {
    while (this.tail.previousSibling && this.tail.previousSibling !== before) this.tail.previousSibling.remove();
    this.#frozen = from;
    this.#frozenText = this.#text.slice(0, from);
    this.#divided = null;
    this.#tableHead = "";
    this.#fence = null;
  }
}
