import { hrefOf, route, setQuery } from "../app/router.js";
import { html } from "./view.js";

/** From this width a click on a row opens the panel beside the list; below it, the page. */
const PEEK_MEDIA = "(min-width: 64rem)";

/** @param {{columns: readonly import("./data_list.js").Column[]}} props */
export function DataHead({ columns }) {
  return html`<thead><tr>${columns.map((column) => html`<th key=${column.name} scope="col" class=${classOf(column)}>${column.label}</th>`)}</tr></thead>`;
}

/**
 * The whole row can be clicked; its link is what the keyboard and a new tab use.
 *
 * @param {{row: import("../api/pager.js").Row, columns: readonly import("./data_list.js").Column[], path: string,
 *   index: number, isCurrent: boolean, canPeek: boolean}} props
 */
export function DataRow({ row, columns, path, index, isCurrent, canPeek }) {
  /** @param {MouseEvent} event */
  const open = (event) => {
    const target = /** @type {Element} */ (event.target);
    // The Enter key on the link, a click without a pointer, opens the page.
    if (event.detail === 0 || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.defaultPrevented) return;
    const link = event.currentTarget instanceof Element ? event.currentTarget.querySelector("a.row-link") : null;
    if (target.closest("button, input, a:not(.row-link)") || String(getSelection())) return;
    if (canPeek && matchMedia(PEEK_MEDIA).matches) {
      event.preventDefault();
      // Back closes the panel, wherever the reader went in it.
      setQuery({ peek: row.id }, { replace: route.value.query.has("peek") });
      link instanceof HTMLElement && link.focus();
    } else if (!target.closest("a") && link instanceof HTMLElement) link.click();
  };
  return html`<tr data-id=${row.id} aria-rowindex=${index + 2} class=${isCurrent ? "is-current" : ""} onClick=${open}>
    ${columns.map((column) => html`<td key=${column.name} class=${classOf(column)} data-label=${lowerFirst(column.label)}>${column.isMain ? html`<a class="row-link" href=${hrefOf(path)} aria-current=${isCurrent || undefined}>${column.cell(row)}</a>` : column.cell(row)}</td>`)}
  </tr>`;
}

/** A label in front of its value, within a line. @param {string} label */
function lowerFirst(label) {
  return label.charAt(0).toLowerCase() + label.slice(1);
}

/** @param {import("./data_list.js").Column} column */
function classOf({ isMain, isNumber, priority = 1 }) {
  return [isMain && "is-main", isNumber && "number", `priority-${priority}`].filter(Boolean).join(" ");
}
