import { remove } from "../../api/client.js";
import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/confirm.js";
import { downloadPath } from "../../ui/download.js";
import { ErrorNote } from "../../ui/error_note.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Bytes, Name, Time } from "../../ui/values.js";
import { html, useEffect, useMemo } from "../../ui/view.js";
import { CONTAINERS } from "./noun.js";

export const style = "containers.css";

/** @param {{params: {id: string}}} props */
export default function ContainerDetail({ params }) {
  const files = { name: "files", label: t("containers.files"), view: () => html`<${Files} container=${params.id} />` };
  return html`<${NounDetail} noun=${CONTAINERS} id=${params.id} firstTab=${files} />`;
}

/** @param {{container: string}} props */
function Files({ container }) {
  const path = `/containers/${encodeURIComponent(container)}/files`;
  const { pager } = useMemo(() => pagerOf(path), [path]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const rows = pager.rows.value;
  if (pager.error.value !== null) return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`;
  if (!rows.length) return pager.state.value === "loading" ? html`<${Skeleton} />` : html`<${Empty} icon="file" title=${t("containers.no-files")} text=${t("containers.no-files.text")} />`;
  const askToRemove = (/** @type {any} */ row) => confirm({
    title: t("containers.remove.title", { name: nameOf(row) }), text: t("containers.remove.text"), action: t("ui.delete"),
    run: async () => {
      await remove(`${path}/${row.id}`);
      pager.drop(row.id);
    },
  });
  return html`<ul class="container-files" aria-label=${t("containers.files")}>${rows.map((row) => html`<li key=${row.id}><span class="container-path mono" title=${row.path}><${Name} text=${row.path} /></span>
      <span class="muted">${t(`containers.source.${row.source}`)}</span><span class="number"><${Bytes} bytes=${row.bytes} /></span><span class="muted"><${Time} at=${row.created_at} /></span>
      <span class="inline"><${ActionButton} kind="quiet" icon="download" run=${() => downloadPath(`${path}/${row.id}/content`, nameOf(row))}>${t("ui.download")}<//>
        <${Button} kind="quiet" icon="trash" label=${t("containers.remove", { name: nameOf(row) })} onClick=${() => askToRemove(row)} /></span></li>`)}</ul>
    ${pager.hasMore.value && html`<${Button} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}`;
}

/** @param {any} row */
const nameOf = (row) => row.path.split("/").at(-1);
