/**
 * A list of rows of any height, of which only those near the viewport are in the page. It begins at its end, stays there
 * while rows arrive unless the reader scrolls up, and never moves what is being read.
 */
import { HeightIndex } from "../lib/height_index.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./view.js";

const MARGIN_PIXELS = 800;
const FOLLOW_PIXELS = 48;

/** @typedef {{id: string, [member: string]: any}} Item */
/**
 * @typedef {object} VirtualListProps
 * @property {readonly Item[]} items
 * @property {(item: Item, index: number) => any} renderItem
 * @property {string} label
 * @property {number} [estimate] the height of a row, in pixels
 * @property {string | null} [focusId] the row to begin at, instead of the end
 * @property {() => void} [onStart] the reader is near the first row
 * @property {() => void} [onEnd] the reader is near the last row
 * @property {(isFollowing: boolean) => void} [onFollow]
 * @property {(list: {toEnd: () => void, toItem: (id: string) => void}) => void} [onReady]
 */

/** @param {VirtualListProps} props */
export function VirtualList(props) {
  const { items, renderItem, label } = props;
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const [, repaint] = useState(0);
  const list = useMemo(() => new ListPosition(props.estimate ?? 96, props.focusId ?? null), []);
  list.callbacks = props;
  list.setItems(items);
  useLayoutEffect(() => list.attach(/** @type {HTMLElement} */ (element.current), () => repaint((round) => round + 1)), []);
  useLayoutEffect(() => list.restore());
  useEffect(() => props.onReady?.(list), []);
  const { start, end } = list.range();
  return html`<div class="virtual-list" ref=${element} tabindex="0" role="log" aria-live="off" aria-label=${label}>
    <h2 class="visually-hidden">${label}</h2>
    <div class="virtual-space" style=${{ height: `${list.heights.offsetOf(start)}px` }}></div>
    ${items.slice(start, end).map((item, index) => html`<${Measured} key=${item.id} id=${item.id} list=${list}>${renderItem(item, start + index)}<//>`)}
    <div class="virtual-space" style=${{ height: `${list.heights.total - list.heights.offsetOf(end)}px` }}></div>
  </div>`;
}

/** @param {{id: string, list: ListPosition, children?: any}} props */
function Measured({ id, list, children }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => list.observe(id, /** @type {HTMLElement} */ (element.current)), [id]);
  return html`<div class="virtual-row" data-id=${id} ref=${element}>${children}</div>`;
}

class ListPosition {
  /** @type {readonly Item[]} */
  items = [];
  /** @type {Partial<VirtualListProps>} */
  callbacks = {};
  isFollowing = true;
  /** The first visible row, and how far its upper edge is above that of the viewport. */
  #anchor = /** @type {{id: string, delta: number} | null} */ (null);
  #element = /** @type {HTMLElement | null} */ (null);
  #repaint = () => {};
  #rows = new Map();
  /** Rows that are new in the page, and not measured yet. @type {Set<HTMLElement>} */
  #fresh = new Set();
  #range = { start: 0, end: 0 };
  #indexes = new Map();
  /** The scroll position that the list itself has set; every other one is the reader's. */
  #restored = 0;
  #restoredHeight = 0;

  /** @param {number} estimate @param {string | null} focusId */
  constructor(estimate, focusId) {
    this.heights = new HeightIndex(estimate);
    this.isFollowing = focusId === null;
    if (focusId !== null) this.#anchor = { id: focusId, delta: -16 };
    this.observer = new ResizeObserver((entries) => this.#measure(entries));
  }

  /** @param {readonly Item[]} items */
  setItems(items) {
    if (items === this.items) return;
    this.items = items;
    this.#indexes = new Map(items.map((item, index) => [item.id, index]));
    this.heights.setRows(items.map((item) => item.id));
  }

  /** @param {HTMLElement} element @param {() => void} repaint @returns {() => void} detaches it */
  attach(element, repaint) {
    this.#element = element;
    this.#repaint = repaint;
    const scroll = () => this.#onScroll();
    const release = (/** @type {Event} */ event) => this.#onIntent(event);
    element.addEventListener("scroll", scroll, { passive: true });
    for (const kind of ["wheel", "touchmove", "keydown"]) element.addEventListener(kind, release, { passive: true });
    const select = () => this.#onSelection();
    document.addEventListener("selectionchange", select);
    element.addEventListener("focusin", release);
    const resize = new ResizeObserver(() => repaint());
    resize.observe(element);
    repaint();
    return () => {
      resize.disconnect();
      this.observer.disconnect();
      element.removeEventListener("scroll", scroll);
      document.removeEventListener("selectionchange", select);
    };
  }

  /** @param {string} id @param {HTMLElement} row @returns {() => void} */
  observe(id, row) {
    this.#rows.set(row, id);
    this.#fresh.add(row);
    this.observer.observe(row);
    return () => {
      this.#fresh.delete(row);
      this.observer.unobserve(row);
      this.#rows.delete(row);
    };
  }

  range() {
    const element = this.#element;
    if (!element) return { start: 0, end: 0 };
    this.#range = this.heights.rangeOf(this.#target(), element.clientHeight, MARGIN_PIXELS);
    return this.#range;
  }

  /** Scrolls to where the reader is, after heights or rows before it have changed. */
  restore() {
    const element = this.#element;
    if (!element) return;
    // All in a row, so that the browser lays them out once.
    for (const row of this.#fresh) this.heights.measure(this.#rows.get(row) ?? "", row.offsetHeight);
    this.#fresh.clear();
    const target = this.#target();
    if (Math.abs(element.scrollTop - target) > 1) element.scrollTop = target;
    this.#restored = element.scrollTop;
    this.#restoredHeight = element.scrollHeight;
    const range = this.heights.rangeOf(element.scrollTop, element.clientHeight, MARGIN_PIXELS / 2);
    if (range.start < this.#range.start || range.end > this.#range.end) this.#repaint();
  }

  toEnd() {
    this.#follow(true);
    this.#repaint();
  }

  /** @param {string} id */
  toItem(id) {
    this.#follow(false);
    this.#anchor = { id, delta: -16 };
    this.#repaint();
  }

  #target() {
    const element = this.#element;
    if (!element) return 0;
    const most = Math.max(0, this.heights.total - element.clientHeight);
    if (this.isFollowing || !this.#anchor) return most;
    const index = this.#indexes.get(this.#anchor.id);
    return index === undefined ? Math.min(element.scrollTop, most) : Math.min(most, Math.max(0, this.heights.offsetOf(index) + this.#anchor.delta));
  }

  #onScroll() {
    const element = this.#element;
    if (!element || !this.items.length) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    // A browser scrolls up by itself where a row has become smaller and the end comes into view.
    const isClamped = scrollHeight < this.#restoredHeight - 1 && scrollHeight - scrollTop - clientHeight <= 1;
    if (!isClamped && Math.abs(scrollTop - this.#restored) > 1) {
      this.#restored = scrollTop;
      this.#follow(scrollHeight - scrollTop - clientHeight <= FOLLOW_PIXELS);
      this.#holdFirst(scrollTop);
    }
    if (scrollTop < clientHeight * 2) this.callbacks.onStart?.();
    if (scrollHeight - scrollTop - clientHeight < clientHeight * 2) this.callbacks.onEnd?.();
    const range = this.heights.rangeOf(scrollTop, clientHeight, MARGIN_PIXELS / 2);
    if (range.start < this.#range.start || range.end > this.#range.end) this.#repaint();
  }

  /** The first visible row stays where it is. @param {number} scrollTop */
  #holdFirst(scrollTop) {
    const index = this.heights.indexAt(scrollTop);
    const first = this.items[index];
    if (first) this.#anchor = { id: first.id, delta: scrollTop - this.heights.offsetOf(index) };
  }

  /** What is being selected does not move. */
  #onSelection() {
    const selection = document.getSelection();
    if (this.isFollowing && selection && !selection.isCollapsed && this.#element?.contains(selection.anchorNode)) this.#follow(false);
  }

  /** Any input that scrolls up stops following at once, and so does the focus on something inside. @param {Event} event */
  #onIntent(event) {
    if (event.type === "focusin" && (event.target === this.#element || !(event.target instanceof Element) || !event.target.matches(":focus-visible"))) return;
    const isUp = event instanceof WheelEvent ? event.deltaY < 0 : event instanceof KeyboardEvent ? ["PageUp", "Home", "ArrowUp"].includes(event.key) : true;
    if (isUp && this.isFollowing) this.#follow(false);
    if (event instanceof KeyboardEvent && event.key === "End") this.toEnd();
  }

  /** @param {boolean} isFollowing */
  #follow(isFollowing) {
    if (this.isFollowing === isFollowing) return;
    this.isFollowing = isFollowing;
    if (!isFollowing && this.#element) this.#holdFirst(this.#element.scrollTop);
    this.callbacks.onFollow?.(isFollowing);
  }

  /** @param {ResizeObserverEntry[]} entries */
  #measure(entries) {
    let isChanged = false;
    for (const { target } of entries) {
      const id = this.#rows.get(target);
      if (id !== undefined && target.isConnected) isChanged = this.heights.measure(id, /** @type {HTMLElement} */ (target).offsetHeight) || isChanged;
    }
    if (isChanged) this.#repaint();
  }
}
