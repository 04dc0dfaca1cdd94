/** What uses an object: vector stores, assistants, threads, runs. For its page, and for the question before it is deleted. */
import { pathOfId } from "../../lib/paths.js";
import { hasPage, hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../error_note.js";
import { useResource } from "../resource.js";
import { Badge, Id, Name } from "../values.js";
import { html } from "../view.js";

const GROUPS = ["vector_stores", "assistants", "threads", "active_runs", "runs"];
const PAGE_LIMIT = 20;
const DIALOG_LIMIT = 5;

/** @typedef {{id: string, name?: string | null, status?: string, thread_id?: string}} Reference */
/** @typedef {{data: Reference[], has_more: boolean}} Group */

/** A section of an object's page. @param {{path: string}} props `path` is that of the object in the API */
export function UsedBy({ path }) {
  const { data, error, reload } = useResource(`${path}/references`, { limit: PAGE_LIMIT });
  return html`<section class="stack-small"><h2 class="section-title">${t("used-by.title")}</h2>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${data && html`<${Groups} references=${data} />`}</section>`;
}

/** The same in a dialog: the first of each kind. A failure leaves the dialog as it is. @param {{path: string}} props */
export function UsedByNote({ path }) {
  const { data } = useResource(`${path}/references`, { limit: DIALOG_LIMIT });
  return html`<div class="note used-by-note" aria-live="polite">${data ? html`<${Groups} references=${data} />` : html`<span class="muted">…</span>`}</div>`;
}

/** @param {{references: Record<string, Group>}} props */
function Groups({ references }) {
  const names = GROUPS.filter((name) => references[name]?.data.length);
  if (!names.length) return html`<p class="muted">${t("used-by.nothing")}</p>`;
  return html`<dl class="fields">${names.map((name) => {
    const group = /** @type {Group} */ (references[name]);
    return html`<div key=${name}><dt>${t(`used-by.${name}`)}</dt>
      <dd class="tags">${group.data.map((one) => html`<${Item} key=${one.id} one=${one} />`)}${group.has_more && html`<span class="muted">${t("used-by.more")}</span>`}</dd></div>`;
  })}</dl>`;
}

/** A name where there is one, and the id otherwise. @param {{one: Reference}} props */
function Item({ one }) {
  const path = pathOfId(one.id, one.thread_id);
  if (one.name && path && hasPage(path)) return html`<a href=${hrefOf(path)} title=${one.id}><${Name} text=${one.name} /></a>`;
  return html`<span class="inline"><${Id} id=${one.id} parent=${one.thread_id} copy=${false} />${one.status && html`<${Badge} state=${one.status} />`}</span>`;
}
