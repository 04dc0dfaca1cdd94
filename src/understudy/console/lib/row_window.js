/** Which rows of a long table are near the viewport. Knows no DOM. */

/** A table of fewer rows is rendered whole. */
const VIRTUAL_FROM = 200;
const MARGIN_ROWS = 20;

/**
 * The range of rows to render, and the heights of the space before and after them.
 *
 * @param {{count: number, rowHeight: number, top: number, height: number}} view `top` is how far the table's first row is
 *   above the upper edge of the viewport, `height` the height of the viewport, in pixels
 */
export function rowWindow({ count, rowHeight, top, height }) {
  if (count < VIRTUAL_FROM) return { start: 0, end: count, before: 0, after: 0 };
  const start = Math.min(Math.max(0, Math.floor(top / rowHeight) - MARGIN_ROWS), count);
  const end = Math.min(count, Math.max(start, Math.ceil((top + height) / rowHeight) + MARGIN_ROWS));
  return { start, end, before: start * rowHeight, after: (count - end) * rowHeight };
}
