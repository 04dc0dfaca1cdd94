/** The list of imports, exports or deletions. It follows the project's events, which have no progress: that is read again. */
import { NounList } from "../noun/noun_list.js";
import { useLiveRows } from "../project_events.js";
import { Refresh } from "../refresh.js";
import { html, useState } from "../view.js";
import { isActive } from "./transfer_progress.js";
import { TransferTabs } from "./transfer_tabs.js";

/** @typedef {import("../../api/pager.js").Pager} Pager */

/**
 * @param {{noun: import("../noun/noun.js").Noun, type: "import" | "export" | "deletion", actions?: any, emptyActions?: any,
 *   children?: any}} props `type` is that of the events
 */
export function TransferList({ noun, type, actions, emptyActions, children }) {
  const [pager, setPager] = useState(/** @type {Pager | null} */ (null));
  const fresh = useLiveRows(type, () => pager, (change) => `${noun.path}/${change.id}`);
  const running = (pager?.rows.value ?? []).filter(isActive);
  return html`<${NounList} noun=${noun} tabs=${html`<${TransferTabs} />`} actions=${html`${fresh}${actions}`} emptyActions=${emptyActions} onPager=${setPager}>
    ${running.map((row) => html`<${Refresh} key=${row.id} path="${noun.path}/${row.id}" isActive=${true} set=${(/** @type {any} */ one) => pager?.replace(one)} />`)}
    ${children}<//>`;
}
