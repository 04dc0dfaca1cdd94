/** A list around the reader's place, read page by page towards both ends. */
import { get } from "./client.js";
import { batch, signal } from "../ui/view.js";

const FIRST_PAGE = 40;
const PAGE = 100;

/** @typedef {import("./pager.js").Row} Row */

export class TwoWayRows {
  /** Oldest first. @type {import("../vendor/view.js").Signal<Row[]>} */
  rows = signal([]);
  isReady = signal(false);
  hasOlder = signal(false);
  hasNewer = signal(false);
  /** @type {import("../vendor/view.js").Signal<unknown>} */
  error = signal(null);
  #isBusy = false;
  #work = Promise.resolve();

  /** @param {string} path of the list, such as `/threads/thread_1/messages` @param {Record<string, any>} [query] of each page */
  constructor(path, query = {}) {
    this.path = path;
    this.query = query;
  }

  /** Reads the newest rows, or those around a row. @param {string | null} at */
  open(at) {
    return this.#run(async () => {
      const newest = at === null ? null : await get(`${this.path}/${encodeURIComponent(at)}`, this.query);
      const [older, newer] = await Promise.all([this.#page("desc", at, FIRST_PAGE), at === null ? null : this.#page("asc", at, FIRST_PAGE)]);
      batch(() => {
        this.rows.value = [...older.data.reverse(), ...(newest ? [newest] : []), ...(newer?.data ?? [])];
        this.hasOlder.value = older.has_more;
        this.hasNewer.value = newer?.has_more ?? false;
        this.isReady.value = true;
      });
    });
  }

  loadOlder() {
    const first = this.rows.value[0];
    if (!this.hasOlder.value || !first) return undefined;
    return this.#run(async () => {
      const page = await this.#page("desc", first.id);
      this.rows.value = [...page.data.reverse(), ...this.rows.value];
      this.hasOlder.value = page.has_more;
    });
  }

  loadNewer() {
    const last = this.rows.value.at(-1);
    if (!this.hasNewer.value || !last) return undefined;
    return this.#run(async () => {
      const page = await this.#page("asc", last.id);
      this.rows.value = [...this.rows.value, ...page.data];
      this.hasNewer.value = page.has_more;
    });
  }

  /** Reads the rows that were added since the last one. */
  async loadAdded() {
    await this.#work;
    const last = this.rows.value.at(-1);
    if (!last) return this.open(null);
    return this.#run(async () => {
      const page = await this.#page("asc", last.id);
      const known = new Set(this.rows.value.map((row) => row.id));
      this.rows.value = [...this.rows.value, ...page.data.filter((/** @type {Row} */ row) => !known.has(row.id))];
      this.hasNewer.value = page.has_more;
    });
  }

  /** @param {"asc" | "desc"} order @param {string | null} after @param {number} [limit] */
  #page(order, after, limit = PAGE) {
    return get(this.path, { ...this.query, order, limit, after });
  }

  /** One page at a time. @param {() => Promise<void>} read */
  async #run(read) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#work = this.#attempt(read);
    await this.#work;
    this.#isBusy = false;
  }

  /** @param {() => Promise<void>} read */
  async #attempt(read) {
    try {
      await read();
      this.error.value = null;
    } catch (error) {
      this.error.value = error;
    }
  }
}
