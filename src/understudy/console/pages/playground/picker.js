/** A dialog that finds an object on the server by its name or id. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Name } from "../../ui/values.js";
import { html, useEffect, useState } from "../../ui/view.js";

const TYPING_MILLISECONDS = 200;

/**
 * @param {{title: string, path: string, query?: Record<string, any>, nameOf: (row: any) => string, onChoose: (row: any) => void,
 *   onClose: () => void, actions?: any}} props `path` is a list of the API that takes `q`
 */
export function Picker({ title, path, query = {}, nameOf, onChoose, onClose, actions }) {
  const [text, setText] = useState("");
  const [q, setQ] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setQ(text.trim()), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, error, reload } = useResource(path, { limit: 30, ...query, q });
  const rows = data?.data ?? [];
  return html`<${Dialog} title=${title} kind="sheet" onClose=${onClose} actions=${actions}>
    <input class="input" type="search" autofocus aria-label=${t("ui.search")} placeholder=${t("playground.picker.placeholder")} value=${text} onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} />
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${data && !rows.length && html`<p class="muted">${t("playground.picker.none")}</p>`}
    <ul class="picker-list">${rows.map((/** @type {any} */ row) => html`<li key=${row.id}><${Button} kind="quiet" onClick=${() => onChoose(row)}><${Name} text=${nameOf(row)} /> <small class="muted mono">${row.id}</small><//></li>`)}</ul>
    ${data?.has_more && html`<p class="muted">${t("playground.picker.more")}</p>`}
  <//>`;
}
