/** A table of objects: pages by cursor, rows that are links, a row under the keyboard, and a panel beside the list. */
import { navigate, route, scroller, scrollPosition, setQuery } from "../app/router.js";
import { useShortcuts } from "../app/shortcuts.js";
import { rowWindow } from "../lib/row_window.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { copyText } from "./copy_button.js";
import { DataRow, DataHead } from "./data_row.js";
import { ErrorNote } from "./error_note.js";
import { Empty, Skeleton } from "./states.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./view.js";

/**
 * @typedef {object} Column
 * @property {string} name unique in the table
 * @property {string} label
 * @property {(row: import("../api/pager.js").Row) => any} cell
 * @property {boolean} [isMain] the column with the link, which grows
 * @property {boolean} [isNumber] aligned at the end
 * @property {1 | 2 | 3} [priority] 1 is always visible, 2 from 640 pixels, 3 from 1024 pixels
 */

/**
 * @typedef {object} DataListProps
 * @property {import("../api/pager.js").Pager} pager
 * @property {boolean} [isKnown] the rows are from before, and are confirmed now
 * @property {readonly Column[]} columns
 * @property {(row: import("../api/pager.js").Row) => string} pathOf the page of a row
 * @property {string} label of the table
 * @property {any} empty shown if the list has no rows and no filter
 * @property {boolean} [isFiltered]
 * @property {(row: import("../api/pager.js").Row) => void} [onDelete]
 * @property {(row: import("../api/pager.js").Row) => any} [peek] the panel beside the list
 */

/** @param {DataListProps} props */
export function DataList(props) {
  const { pager, columns, pathOf, label, empty, isFiltered = false } = props;
  const rows = pager.rows.value;
  const state = pager.state.value;
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  const view = useRowWindow(table, rows.length);
  useFirstLoad(pager, table);
  const peeked = props.peek ? rows.find((row) => row.id === route.value.query.get("peek")) : undefined;
  useRowShortcuts(props, table, rows);
  if (!rows.length) return html`<${NoRows} pager=${pager} empty=${empty} isFiltered=${isFiltered} />`;
  const isDimmed = state === "loading" && props.isKnown;
  return html`<div class="list-area ${peeked ? "has-peek" : ""}">
    <div class="list">
      <table class="data ${isDimmed ? "is-dimmed" : ""}" ref=${table} aria-label=${label} aria-rowcount=${pager.hasMore.value ? -1 : rows.length + 1}>
        <${DataHead} columns=${columns} />
        <tbody>
          ${view.before > 0 && html`<tr aria-hidden="true"><td colspan=${columns.length} height=${view.before}></td></tr>`}
          ${rows.slice(view.start, view.end).map((row, index) => html`<${DataRow} key=${row.id} row=${row} columns=${columns} path=${pathOf(row)}
            index=${view.start + index} isCurrent=${peeked?.id === row.id} canPeek=${props.peek !== undefined} />`)}
          ${view.after > 0 && html`<tr aria-hidden="true"><td colspan=${columns.length} height=${view.after}></td></tr>`}
        </tbody>
      </table>
      <${ListFoot} pager=${pager} />
    </div>
    ${peeked && props.peek && html`<aside class="peek" aria-label=${t("ui.peek")} key=${peeked.id}>
      <div class="peek-head"><${Button} href=${pathOf(peeked)} icon="maximize-2" shortcut="⏎">${t("ui.open")}<//><span class="spring"></span>
        <${Button} kind="quiet" icon="x" label=${t("ui.close")} shortcut="Esc" onClick=${() => setQuery({ peek: null })} /></div>
      ${props.peek(peeked)}</aside>`}
  </div>`;
}

/** @param {{pager: import("../api/pager.js").Pager, empty: any, isFiltered: boolean}} props */
function NoRows({ pager, empty, isFiltered }) {
  if (pager.state.value === "error") return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`;
  if (pager.state.value === "loading") return html`<${Skeleton} />`;
  if (!isFiltered) return empty;
  const names = () => Object.fromEntries([...route.peek().query.keys()].map((name) => [name, null]));
  return html`<${Empty} icon="search" title=${t("ui.no-match")} text=${t("ui.no-match.text")}><${Button} onClick=${() => setQuery(names())}>${t("ui.clear-filters")}<//><//>`;
}

/** @param {{pager: import("../api/pager.js").Pager}} props */
function ListFoot({ pager }) {
  const foot = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && pager.state.peek() === "ready") pager.loadMore();
    }, { rootMargin: "300px" });
    if (foot.current) observer.observe(foot.current);
    return () => observer.disconnect();
  }, [pager, pager.rows.value.length]);
  const count = pager.rows.value.length;
  if (pager.state.value === "error") return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => (pager.hasMore.value ? pager.loadMore() : pager.reload())} />`;
  return html`<footer class="list-foot muted" ref=${foot}><span>${t(pager.hasMore.value ? "ui.rows-of-more" : "ui.rows", { count })}</span>
    ${pager.hasMore.value && html`<${Button} kind="quiet" busy=${pager.state.value === "loading"} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}</footer>`;
}

/** @param {import("../api/pager.js").Pager} pager @param {{current: HTMLElement | null}} table */
function useFirstLoad(pager, table) {
  useLayoutEffect(() => {
    pager.reload();
  }, [pager]);
  useLayoutEffect(() => {
    const main = scroller();
    if (table.current && main) main.scrollTop = scrollPosition();
  }, []);
}

/** @param {{current: HTMLTableElement | null}} table @param {number} count */
function useRowWindow(table, count) {
  const [view, setView] = useState({ start: 0, end: Math.min(count, 100), before: 0, after: 0 });
  useLayoutEffect(() => {
    const main = scroller();
    if (!main) return undefined;
    const measure = () => {
      const row = table.current?.querySelector("tbody tr[data-id]");
      const body = table.current?.tBodies[0];
      if (!body) return;
      const top = main.getBoundingClientRect().top - body.getBoundingClientRect().top;
      const next = rowWindow({ count, rowHeight: row?.clientHeight || 36, top, height: main.clientHeight });
      setView((old) => (old.start === next.start && old.end === next.end && old.after === next.after ? old : next));
    };
    measure();
    main.addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      main.removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [count]);
  return view;
}

/**
 * @param {DataListProps} props
 * @param {{current: HTMLElement | null}} table
 * @param {import("../api/pager.js").Row[]} rows
 */
function useRowShortcuts({ pathOf, onDelete, peek }, table, rows) {
  const current = () => {
    const id = document.activeElement?.closest("tr")?.dataset.id ?? route.peek().query.get("peek");
    return rows.findIndex((row) => row.id === id);
  };
  /** @param {number} step */
  const move = (step) => {
    const row = rows[Math.min(Math.max(current() + step, 0), rows.length - 1)];
    if (!row) return;
    const link = table.current?.querySelector(`tr[data-id="${CSS.escape(row.id)}"] a`);
    if (link instanceof HTMLElement) link.focus();
    if (peek && route.peek().query.has("peek")) setQuery({ peek: row.id });
  };
  /** @param {(row: import("../api/pager.js").Row) => void} act */
  const onRow = (act) => () => {
    const row = rows[current()];
    if (row) act(row);
  };
  // Without rows, the keys have nothing to move to; a key that is pressed while they are loaded waits for them.
  useShortcuts(!rows.length ? [] : [
    { key: "j", label: t("ui.next-row"), run: () => move(1) },
    { key: "k", label: t("ui.previous-row"), run: () => move(-1) },
    { key: "o", label: t("ui.open"), run: onRow((row) => navigate(pathOf(row))) },
    { key: "y", label: t("ui.copy-id"), run: onRow((row) => copyText(row.id)) },
    ...(peek ? [{ key: "p", label: t("ui.peek"), run: onRow((row) => setQuery({ peek: row.id }, { replace: route.peek().query.has("peek") })) }, { key: "Escape", label: t("ui.close-peek"), run: () => setQuery({ peek: null }) }] : []),
    ...(onDelete ? [{ key: "#", label: t("ui.delete"), run: onRow(onDelete) }] : []),
  ]);
}
