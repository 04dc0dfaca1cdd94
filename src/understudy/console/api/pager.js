/** A list that is read page by page with cursors, as signals. Known rows show at once and are then confirmed. */
import { batch, signal } from "../ui/view.js";
import { get } from "./client.js";

/** @typedef {{id: string, [member: string]: any}} Row */
/** @typedef {"loading" | "ready" | "error"} PagerState */
/** @typedef {{data: Row[], has_more?: boolean}} Page */

const PAGE = 50;
const REMEMBERED = 30;
/** @type {Map<string, Pager>} */
const pagers = new Map();

export class Pager {
  /** @type {import("../vendor/view.js").Signal<Row[]>} */
  rows = signal([]);
  /** @type {import("../vendor/view.js").Signal<PagerState>} */
  state = signal("loading");
  /** @type {import("../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  hasMore = signal(false);
  #round = 0;

  /**
   * @param {string} path
   * @param {Record<string, any>} query
   * @param {(page: any) => Page} readPage
   */
  constructor(path, query, readPage) {
    this.path = path;
    this.query = query;
    this.readPage = readPage;
  }

  /** Reads the first page again, and leaves the rows until it has arrived. */
  reload() {
    return this.#read(null);
  }

  /** Reads the next page, if there is one and none is being read. */
  async loadMore() {
    const last = this.rows.value.at(-1);
    if (this.state.value !== "loading" && this.hasMore.value && last) await this.#read(cursorOf(last, this.query["order_by"]));
  }

  /** @param {string | null} after */
  async #read(after) {
    const round = ++this.#round;
    this.state.value = "loading";
    try {
      const page = this.readPage(await get(this.path, { limit: PAGE, ...this.query, after }));
      if (round !== this.#round) return;
      batch(() => {
        this.rows.value = after === null ? page.data : [...this.rows.value, ...page.data];
        this.hasMore.value = Boolean(page.has_more);
        this.state.value = "ready";
        this.error.value = null;
      });
    } catch (error) {
      if (round !== this.#round) return;
      batch(() => {
        this.state.value = "error";
        this.error.value = error;
      });
    }
  }

  /** @param {string} id */
  drop(id) {
    this.rows.value = this.rows.value.filter((row) => row.id !== id);
  }

  /** @param {Row} row with the id of the row that it replaces */
  replace(row) {
    this.rows.value = this.rows.value.map((old) => (old.id === row.id ? { ...old, ...row } : old));
  }
}

/**
 * The cursor of a row. In an order that changes while the list is read, it has the place that the row had.
 *
 * @param {Row} row
 * @param {string | undefined} orderBy the member of the rows that orders the list
 */
function cursorOf(row, orderBy) {
  return orderBy === undefined ? row.id : `${row.id},${row[orderBy]}`;
}

/**
 * The list of a path and query; the same one as before if the reader comes back to it.
 *
 * @param {string} path
 * @param {Record<string, any>} [query]
 * @param {(page: any) => Page} [readPage] converts what is not a list as OpenAI's API has them
 */
export function pagerOf(path, query = {}, readPage = (page) => page) {
  const key = path + JSON.stringify(query);
  const known = pagers.get(key);
  const pager = known ?? new Pager(path, query, readPage);
  pagers.delete(key);
  pagers.set(key, pager);
  const oldest = pagers.keys().next().value;
  if (pagers.size > REMEMBERED && oldest !== undefined) pagers.delete(oldest);
  return { pager, isKnown: known !== undefined && known.rows.value.length > 0 };
}

/** Forgets every list, when another key signs in. */
export function forgetPagers() {
  pagers.clear();
}
