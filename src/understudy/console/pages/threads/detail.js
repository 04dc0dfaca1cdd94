/** One thread: its messages, and beside them its details and last runs. */
import { hasPage, navigate, route } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { useMissingScope } from "../../ui/access.js";
import { ApiPreviewDialog } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { copyText } from "../../ui/copy_button.js";
import { Dialog } from "../../ui/dialog.js";
import { confirm } from "../../ui/confirm.js";
import { downloadPath } from "../../ui/download.js";
import { describeError, ErrorNote } from "../../ui/error_note.js";
import { JsonView } from "../../ui/json_view.js";
import { lazy } from "../../ui/lazy.js";
import { Menu } from "../../ui/menu.js";
import { askToDelete } from "../../ui/noun/deletion.js";
import { NounForm } from "../../ui/noun/noun_form.js";
import { Page } from "../../ui/page.js";
import { PassagePane } from "../../ui/passage/passage_pane.js";
import { useResource } from "../../ui/resource.js";
import { Id } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { useAuthors } from "./authors.js";
import { MessageLog } from "./message_log.js";
import { THREADS } from "./noun.js";
import { ThreadPanel } from "./thread_panel.js";

export const style = "threads.css";

const FindDialog = lazy(async () => (await import("./find_dialog.js")).FindDialog);

/** @param {string} id @param {string} format */
async function exportThread(id, format) {
  const run = () => downloadPath(`/threads/${encodeURIComponent(id)}/export?format=${format}`, `${id}.${format}`);
  try {
    await run();
  } catch (error) {
    confirm({ title: t("ui.failed"), text: describeError(error).message, action: t("ui.retry"), run });
  }
}

/** @param {{params: {id: string}}} props */
export default function ThreadPage({ params: { id } }) {
  const path = `/threads/${encodeURIComponent(id)}`;
  const { data: thread, error, reload, set } = useResource(path);
  const authors = useAuthors();
  const [open, setOpen] = useState(/** @type {"edit" | "json" | "api" | "panel" | "find" | null} */ (null));
  const [passages, setPassages] = useState(/** @type {import("../../ui/passage/passage_pane.js").PassageSource | null} */ (null));
  const canChange = useMissingScope("/threads") === null;
  const close = () => setOpen(null);
  const askDelete = () => askToDelete(THREADS, thread, () => navigate("threads", { replace: true }));
  useShortcuts([
    ...(thread ? [{ key: "/", label: t("threads.find"), run: () => setOpen("find") }] : []),
    { key: "y", label: t("ui.copy-id"), run: () => copyText(id) },
    { key: "Y", label: t("ui.copy-link"), run: () => copyText(location.href) },
    { key: ".", label: t("ui.json"), run: () => setOpen("json") },
    { key: "a", label: t("ui.api-preview"), run: () => setOpen("api") },
    ...(thread && canChange ? [{ key: "e", label: t("threads.edit"), run: () => setOpen("edit") }, { key: "#", label: t("ui.delete"), run: askDelete }] : []),
  ]);
  const items = [
    canChange && { label: t("threads.edit"), icon: "tag", run: () => setOpen("edit") },
    { label: t("ui.copy-link"), icon: "link", run: () => copyText(location.href) },
    ...["jsonl", "md"].map((format) => ({ label: t(`threads.export.${format}`), icon: "download", run: () => exportThread(id, format) })),
    { label: t("ui.json"), icon: "braces", run: () => setOpen("json") },
    { label: t("ui.api-preview"), icon: "code", run: () => setOpen("api") },
    canChange && { label: t("ui.delete"), icon: "trash", danger: true, run: askDelete },
  ];
  const actions = thread && html`${hasPage("playground") && html`<${Button} href="playground?thread=${id}" icon="play">${t("threads.continue")}<//>`}
    <${Button} kind="quiet" icon="search" label=${t("threads.find")} shortcut="/" onClick=${() => setOpen("find")} />
    <${Button} class="narrow-only" kind="quiet" icon="info" label=${t("threads.details")} onClick=${() => setOpen("panel")} /><${Menu} label=${t("ui.more")} items=${items} />`;
  return html`<${Page} flush=${true} title=${html`<${Id} id=${id} link=${false} />`} name=${id} parent=${{ path: "threads", label: t("threads.title") }} actions=${actions}>
    ${error !== null ? html`<div class="page-body"><${ErrorNote} error=${error} onRetry=${reload} /></div>` : html`<div class="thread">
      <${MessageLog} key=${route.value.query.get("at") ?? ""} thread=${id} at=${route.value.query.get("at")} authors=${authors} onPassages=${setPassages} />
      <aside class="thread-panel" aria-label=${t("threads.details")}>${thread && html`<${ThreadPanel} thread=${thread} />`}</aside></div>`}
    ${open === "edit" && html`<${NounForm} noun=${THREADS} row=${thread} onClose=${close} onSaved=${set} />`}
    ${open === "panel" && html`<${Dialog} kind="sheet" title=${t("threads.details")} onClose=${close}><${ThreadPanel} thread=${thread} /><//>`}
    ${passages && html`<${Dialog} kind="wide" title=${t("passages.title")} onClose=${() => setPassages(null)}><${PassagePane} source=${passages} /><//>`}
    ${open === "find" && html`<${FindDialog} thread=${id} authors=${authors} onClose=${close} />`}
    ${open === "json" && html`<${Dialog} kind="wide" title=${t("ui.json")} onClose=${close}><${JsonView} value=${thread} label=${id} depth=${3} /><//>`}
    ${open === "api" && html`<${ApiPreviewDialog} call=${{ method: "GET", path: `${path}/messages`, query: { limit: 100 } }} onClose=${close} />`}
  <//>`;
}

