/** The list of a noun in a tab of another object's page, with the form that creates one. */
import { pagerOf } from "../../api/pager.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { DataList } from "../data_list.js";
import { Empty } from "../states.js";
import { html, useMemo, useState } from "../view.js";
import { askToDelete } from "./deletion.js";
import { NounForm } from "./noun_form.js";

/**
 * @param {{noun: import("./noun.js").Noun, canChange?: boolean, onCreated?: (row: import("./noun.js").Row) => void, children?: any}} props
 *   `children` stand beside the button
 */
export function NounSection({ noun, canChange = true, onCreated, children }) {
  const { pager, isKnown } = useMemo(() => pagerOf(noun.path, noun.query), [noun.path]);
  const [isOpen, setOpen] = useState(false);
  const canCreate = canChange && noun.form && noun.canCreate !== false;
  const create = () => setOpen(true);
  useShortcuts(canCreate ? [{ key: "c", label: t(`${noun.name}.create`), run: create }] : []);
  const button = (/** @type {string} */ kind) => canCreate && html`<${Button} kind=${kind} icon="plus" shortcut="c" onClick=${create}>${t(`${noun.name}.create`)}<//>`;
  const empty = html`<${Empty} icon=${noun.icon} title=${t(`${noun.name}.empty`)} text=${t(`${noun.name}.empty.text`)}>${button("plain")}<//>`;
  return html`<div class="toolbar">${children}<span class="spring"></span>${pager.rows.value.length > 0 && button("primary")}</div>
    <${DataList} pager=${pager} isKnown=${isKnown} label=${t(`${noun.name}.title`)} empty=${empty}
      columns=${noun.columns.map((column) => ({ ...column, label: t(`${noun.name}.column.${column.name}`) }))}
      pathOf=${noun.pathOf ?? ((/** @type {any} */ row) => `${noun.name}/${row.id}`)}
      onDelete=${noun.canDelete && canChange ? (/** @type {any} */ row) => askToDelete(noun, row, () => pager.drop(row.id)) : undefined} />
    ${isOpen && html`<${NounForm} noun=${noun} onClose=${() => setOpen(false)} onSaved=${(/** @type {any} */ row) => { onCreated?.(row); pager.reload(); }} />`}`;
}
