/** The page of one object of a noun: its fields, its JSON, the call that returns it, editing and deleting. */
import { navigate } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { useMissingScope } from "../access.js";
import { ApiPreview } from "../api_preview.js";
import { Button } from "../button.js";
import { copyText } from "../copy_button.js";
import { ErrorNote } from "../error_note.js";
import { JsonView } from "../json_view.js";
import { Menu } from "../menu.js";
import { Page } from "../page.js";
import { useResource } from "../resource.js";
import { Skeleton } from "../states.js";
import { Tabs, useTab } from "../tabs.js";
import { Id, Name } from "../values.js";
import { html, useState } from "../view.js";
import { askToDelete, deletionLabel } from "./deletion.js";
import { NounFields } from "./noun_fields.js";
import { NounForm } from "./noun_form.js";
import { UsedBy } from "./used_by.js";

/** @typedef {{name: string, label: string, isFlush?: boolean, view: (row: any, reload: () => void) => any}} DetailTab */

/**
 * @param {{noun: import("./noun.js").Noun, id: string, actions?: (row: any, set: (row: any) => void) => any, menu?: (row: any, set: (row: any) => void) => any[],
 *   tabs?: readonly DetailTab[], firstTab?: DetailTab, children?: (row: any) => any}} props `firstTab` comes before the
 *   overview, `tabs` after it, `children` below its fields
 */
export function NounDetail({ noun, id, actions, menu, tabs = [], firstTab, children }) {
  const path = noun.apiPathOf?.(id) ?? `${noun.path}/${encodeURIComponent(id)}`;
  const { data, error, isLoading, reload, set } = useResource(path);
  const row = data && noun.readRow ? noun.readRow(data) : data;
  const [isEditing, setEditing] = useState(false);
  /** @type {DetailTab[]} */
  const all = [
    ...(firstTab ? [firstTab] : []),
    { name: "overview", label: t("ui.overview"), view: () => html`<${NounFields} noun=${noun} row=${row} />${noun.hasReferences && html`<${UsedBy} path=${path} />`}${children?.(row)}` },
    ...tabs,
    { name: "json", label: t("ui.json"), view: () => html`<${JsonView} value=${row} label=${id} depth=${3} />` },
    { name: "api", label: t("ui.api"), view: () => html`<${ApiPreview} call=${{ method: "GET", path }} />` },
  ];
  const name = useTab(all);
  const current = all.find((tab) => tab.name === name);
  const title = row ? noun.title(row) : id;
  const heading = title === id ? html`<${Id} id=${id} link=${false} />` : html`<${Name} text=${title} />`;
  const buttons = row && html`${actions?.(row, set)}<${DetailActions} noun=${noun} id=${id} row=${row} items=${menu?.(row, set) ?? []} onEdit=${() => setEditing(true)} />`;
  return html`<${Page} flush=${current?.isFlush ?? false} title=${heading} name=${title} parent=${{ path: listPathOf(noun), label: t(`${noun.name}.title`) }}
      actions=${buttons} tabs=${row && html`<${Tabs} tabs=${all} label=${title} />`}>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${!row && isLoading && html`<${Skeleton} />`}
    ${row && title !== id && !current?.isFlush && html`<div class="inline muted"><${Id} id=${id} link=${false} full=${true} /></div>`}
    ${row && current?.view(row, reload)}
    ${isEditing && html`<${NounForm} noun=${noun} row=${row} onClose=${() => setEditing(false)} onSaved=${set} />`}
  <//>`;
}

/** The page of the list. @param {import("./noun.js").Noun} noun */
const listPathOf = (noun) => noun.listPath ?? noun.name;

/**
 * Editing, deleting and the menu, each with its key.
 *
 * @param {{noun: import("./noun.js").Noun, id: string, row: any, items: any[], onEdit: () => void}} props
 */
function DetailActions({ noun, id, row, items, onEdit }) {
  const canChange = useMissingScope(noun.path) === null;
  const canDelete = noun.canDelete && canChange;
  const canEdit = canChange && noun.form && (typeof noun.canEdit === "function" ? noun.canEdit(row) : noun.canEdit !== false);
  const askDelete = () => askToDelete(noun, row, () => navigate(listPathOf(noun), { replace: true }));
  useShortcuts([
    { key: "y", label: t("ui.copy-id"), run: () => copyText(id) },
    { key: "Y", label: t("ui.copy-link"), run: () => copyText(location.href) },
    ...(canEdit ? [{ key: "e", label: t("ui.edit"), run: onEdit }] : []),
    ...(canDelete ? [{ key: "#", label: deletionLabel(noun), run: askDelete }] : []),
  ]);
  const all = [
    { label: t("ui.copy-link"), icon: "link", run: () => copyText(location.href) },
    ...items,
    canDelete && { label: deletionLabel(noun), icon: "trash", danger: true, run: askDelete },
  ];
  return html`${canEdit && html`<${Button} icon="pencil" class="narrow-icon" label=${t("ui.edit")} shortcut="e" onClick=${onEdit}>${t("ui.edit")}<//>`}<${Menu} label=${t("ui.more")} items=${all} />`;
}
