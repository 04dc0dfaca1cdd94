/** The list page of a noun. */
import { pagerOf } from "../../api/pager.js";
import { route } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { DataList } from "../data_list.js";
import { ChoiceFilter, FilterBar, MetadataFilter, metadataFilter, SearchField } from "../filters.js";
import { ReadOnlyNote, useMissingScope } from "../access.js";
import { ApiPreview, ApiPreviewDialog } from "../api_preview.js";
import { Page } from "../page.js";
import { Empty } from "../states.js";
import { html, useEffect, useMemo, useState } from "../view.js";
import { askToDelete } from "./deletion.js";
import { NounForm } from "./noun_form.js";
import { NounFields } from "./noun_fields.js";

/**
 * @param {{noun: import("./noun.js").Noun, actions?: any, peek?: (row: import("./noun.js").Row) => any, emptyActions?: any,
 *   tabs?: any, children?: any, onCreated?: (row: import("./noun.js").Row) => void, onPager?: (pager: import("../../api/pager.js").Pager) => void}} props
 *   `peek` replaces the fields of the panel beside the list, `children` comes before the list; `onPager` receives the rows, to change them while they are live
 */
export function NounList({ noun, actions, peek, emptyActions, tabs, children, onCreated, onPager }) {
  const query = listQuery(noun);
  const { pager, isKnown } = useMemo(() => pagerOf(noun.path, query, noun.readPage), [noun, JSON.stringify(query)]);
  useEffect(() => onPager?.(pager), [pager]);
  const [open, setOpen] = useState(/** @type {"form" | "api" | null} */ (null));
  const create = () => setOpen("form");
  const missingScope = useMissingScope(noun.path);
  const canCreate = noun.form && noun.canCreate !== false && missingScope === null;
  const createButton = (/** @type {string} */ kind) => canCreate && html`<${Button} kind=${kind} icon="plus" shortcut="c" onClick=${create}>${t(`${noun.name}.create`)}<//>`;
  useShortcuts([
    ...(canCreate ? [{ key: "c", label: t(`${noun.name}.create`), run: create }] : []),
    { key: "a", label: t("ui.api-preview"), run: () => setOpen("api") },
  ]);
  const firstAction = missingScope === null && html`<${FirstAction} noun=${noun} />${createButton("plain")}`;
  const empty = html`<${Empty} icon=${noun.icon} title=${t(`${noun.name}.empty`)} text=${t(`${noun.name}.empty.text`)}>${emptyActions ?? firstAction}<//>`;
  const hasFilters = noun.canSearch || noun.canFilterMetadata || noun.filters?.length;
  return html`<${Page} title=${t(`${noun.name}.title`)} actions=${html`${actions}<${Button} kind="quiet" icon="code" label=${t("ui.api-preview")} shortcut="a" onClick=${() => setOpen("api")} />${createButton("primary")}`} tabs=${tabs}>
    ${hasFilters && html`<${FilterBar}>
      ${noun.canSearch && html`<${SearchField} placeholder=${t("ui.search")} />`}
      ${noun.filters?.map((filter) => html`<${ChoiceFilter} key=${filter.name} name=${filter.name} label=${t(`${noun.name}.filter.${filter.name}`)} options=${filter.options.map((value) => ({ value, label: t(`${noun.name}.filter.${filter.name}.${value}`) }))} />`)}
      ${noun.canFilterMetadata && html`<${MetadataFilter} />`}<//>`}
    <${ReadOnlyNote} scope=${noun.form || noun.canDelete ? missingScope : null} />${children}
    <${DataList} key=${JSON.stringify(query)} pager=${pager} isKnown=${isKnown} label=${t(`${noun.name}.title`)} empty=${empty} isFiltered=${isFiltered(noun, query)}
      columns=${noun.columns.map((column) => ({ ...column, label: t(`${noun.name}.column.${column.name}`) }))}
      pathOf=${noun.pathOf ?? ((/** @type {any} */ row) => `${noun.name}/${row.id}`)} peek=${peek ?? ((/** @type {any} */ row) => html`<${NounFields} noun=${noun} row=${row} />`)}
      onDelete=${noun.canDelete && missingScope === null ? (/** @type {any} */ row) => askToDelete(noun, row, () => pager.drop(row.id)) : undefined} />
    ${open === "form" && html`<${NounForm} noun=${noun} onClose=${() => setOpen(null)} onSaved=${(/** @type {any} */ row) => { onCreated?.(row); pager.reload(); }} />`}
    ${open === "api" && html`<${ApiPreviewDialog} call=${{ method: "GET", path: noun.path, query: { limit: 20, ...query } }} onClose=${() => setOpen(null)} />`}
  <//>`;
}

/** What fills an empty list that has no form. @param {{noun: import("./noun.js").Noun}} props */
function FirstAction({ noun }) {
  if (noun.emptyCall) return html`<${ApiPreview} call=${noun.emptyCall} />`;
  return noun.emptyPage !== undefined && html`<${Button} href=${noun.emptyPage}>${t(`${noun.name}.empty.action`)}<//>`;
}

/** The parameters of the API that the URL of the page has. @param {import("./noun.js").Noun} noun */
function listQuery(noun) {
  const values = /** @type {Record<string, any>} */ ({ ...noun.query });
  const { query } = route.value;
  for (const name of [...(noun.canSearch ? ["q"] : []), ...(noun.filters ?? []).map((filter) => filter.name)]) {
    const value = query.get(name);
    if (value) values[name === "q" ? (noun.searchParameter ?? "q") : name] = value;
  }
  if (noun.canFilterMetadata) for (const pair of metadataFilter()) values[pair.name] = pair.value;
  return values;
}

/** @param {import("./noun.js").Noun} noun @param {Record<string, any>} query */
function isFiltered(noun, query) {
  return Object.keys(query).length > Object.keys(noun.query ?? {}).length;
}
