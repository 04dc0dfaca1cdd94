/** The files of a vector store with their states, live; adding some by upload or id, removing others. */
import { post, remove } from "../../api/client.js";
import { pagerOf } from "../../api/pager.js";
import { route } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/confirm.js";
import { DataList } from "../../ui/data_list.js";
import { ChoiceFilter } from "../../ui/filters.js";
import { useLiveRows } from "../../ui/project_events.js";
import { Empty } from "../../ui/states.js";
import { DropHint, useUploadArea } from "../../ui/upload/upload_area.js";
import { Badge, Bytes, Id, Name, Time } from "../../ui/values.js";
import { html, useMemo, useState } from "../../ui/view.js";
import { AttachDialog } from "./attach_dialog.js";

const STATES = ["in_progress", "completed", "failed", "cancelled"];
const COLUMNS = [
  { name: "filename", isMain: true, cell: (/** @type {any} */ row) => html`<${Name} text=${row.filename} empty=${row.id} />` },
  { name: "id", priority: 3, cell: (/** @type {any} */ row) => html`<${Id} id=${row.id} />` },
  { name: "status", cell: (/** @type {any} */ row) => html`<span title=${row.last_error?.message}><${Badge} state=${row.status} /></span>` },
  { name: "bytes", isNumber: true, priority: 2, cell: (/** @type {any} */ row) => html`<${Bytes} bytes=${row.usage_bytes} />` },
  { name: "created_at", isNumber: true, priority: 2, cell: (/** @type {any} */ row) => html`<${Time} at=${row.created_at} />` },
];

/** @param {{store: string, onChange: () => void}} props */
export function StoreFiles({ store, onChange }) {
  const path = `/vector_stores/${encodeURIComponent(store)}/files`;
  const filter = route.value.query.get("filter") ?? "";
  const { pager, isKnown } = useMemo(() => pagerOf(path, { "include[]": "filename", filter }), [path, filter]);
  const [isAttaching, setAttaching] = useState(false);
  const fresh = useLiveRows("vector_store.file", () => pager, (change) => (change.parent_id === store ? `${path}/${change.id}` : null));
  const attach = async (/** @type {string} */ file) => {
    await post(path, { file_id: file });
    pager.reload();
    onChange();
  };
  const upload = useUploadArea({ purpose: "assistants", onUploaded: (file) => attach(file.id) });
  const detach = (/** @type {any} */ row) => {
    const name = row.filename ?? row.id;
    confirm({
      title: t("vector-stores.detach.title", { name }), text: t("vector-stores.detach.text"), action: t("vector-stores.detach"),
      run: async () => {
        await remove(`${path}/${row.id}`);
        announce(t("vector-stores.detached", { name }));
        pager.drop(row.id);
        onChange();
      },
    });
  };
  useShortcuts([{ key: "c", label: t("vector-stores.attach"), run: () => setAttaching(true) }]);
  const empty = html`<${Empty} icon="file-plus" title=${t("vector-stores.no-files")} text=${t("vector-stores.no-files.text")} />`;
  return html`<div class="toolbar"><${ChoiceFilter} name="filter" label=${t("vector-stores.filter")} options=${STATES.map((value) => ({ value, label: t(`state.${value}`) }))} />${fresh}
      <span class="spring"></span><${DropHint} />
      <${Button} icon="link" shortcut="c" onClick=${() => setAttaching(true)}>${t("vector-stores.attach")}<//>${upload.button}</div>
    ${upload.list}
    <${DataList} key=${filter} pager=${pager} isKnown=${isKnown} label=${t("vector-stores.files")} empty=${empty} isFiltered=${filter !== ""} onDelete=${detach}
      columns=${COLUMNS.map((column) => ({ ...column, label: t(`vector-stores.file-column.${column.name}`) }))} pathOf=${(/** @type {any} */ row) => `vector-stores/${store}/files/${row.id}`} />
    ${isAttaching && html`<${AttachDialog} onAttach=${attach} onClose=${() => setAttaching(false)} />`}`;
}
