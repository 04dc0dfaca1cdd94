/** The page of one object of a noun: its fields, its JSON, the call that returns it, editing and deleting. */
import { navigate } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
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
import { askToDelete } from "./deletion.js";
import { NounFields } from "./noun_fields.js";
import { NounForm } from "./noun_form.js";

/**
 * @param {{noun: import("./noun.js").Noun, id: string, actions?: (row: any) => any, menu?: (row: any) => any[],
 *   tabs?: readonly {name: string, label: string, view: (row: any, reload: () => void) => any}[], children?: (row: any) => any}} props
 *   `tabs` come after the overview, `children` below its fields
 */
export function NounDetail({ noun, id, actions, menu, tabs = [], children }) {
  const path = `${noun.path}/${encodeURIComponent(id)}`;
  const { data: row, error, isLoading, reload, set } = useResource(path);
  const [isEditing, setEditing] = useState(false);
  const all = [
    { name: "overview", label: t("ui.overview"), view: () => html`<${NounFields} noun=${noun} row=${row} />${children?.(row)}` },
    ...tabs,
    { name: "json", label: t("ui.json"), view: () => html`<${JsonView} value=${row} label=${id} depth=${3} />` },
    { name: "api", label: t("ui.api"), view: () => html`<${ApiPreview} call=${{ method: "GET", path }} />` },
  ];
  const current = useTab(all);
  const askDelete = () => askToDelete(noun, row, () => navigate(noun.name, { replace: true }));
  useShortcuts([
    { key: "y", label: t("ui.copy-id"), run: () => copyText(id) },
    { key: "Y", label: t("ui.copy-link"), run: () => copyText(location.href) },
    ...(noun.form && row ? [{ key: "e", label: t("ui.edit"), run: () => setEditing(true) }] : []),
    ...(noun.canDelete && row ? [{ key: "#", label: t("ui.delete"), run: askDelete }] : []),
  ]);
  const items = [
    { label: t("ui.copy-link"), icon: "link", run: () => copyText(location.href) },
    ...(menu && row ? menu(row) : []),
    noun.canDelete && { label: t("ui.delete"), icon: "trash", danger: true, run: askDelete },
  ];
  const buttons = row && html`${actions?.(row)}${noun.form && html`<${Button} icon="pencil" shortcut="e" onClick=${() => setEditing(true)}>${t("ui.edit")}<//>`}<${Menu} label=${t("ui.more")} items=${items} />`;
  const title = row ? noun.title(row) : "…";
  return html`<${Page} title=${html`<${Name} text=${title} />`} name=${title} parent=${{ path: noun.name, label: t(`${noun.name}.title`) }}
      actions=${buttons} tabs=${row && html`<${Tabs} tabs=${all} label=${title} />`}>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${!row && isLoading && html`<${Skeleton} />`}
    ${row && html`<div class="inline muted"><${Id} id=${id} link=${false} full=${true} /></div>${all.find((tab) => tab.name === current)?.view(row, reload)}`}
    ${isEditing && html`<${NounForm} noun=${noun} row=${row} onClose=${() => setEditing(false)} onSaved=${set} />`}
  <//>`;
}
