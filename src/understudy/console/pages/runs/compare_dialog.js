import { hrefOf, navigate } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { ErrorNote } from "../../ui/error_note.js";
import { TextField } from "../../ui/field.js";
import { useResource } from "../../ui/resource.js";
import { Badge, Id, Time } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";

const MOST_RUNS = 20;

/** Chooses the run that another one is compared with: one of the same assistant, or any by its id. @param {{run: any, onClose: () => void}} props */
export function CompareDialog({ run, onClose }) {
  const [id, setId] = useState("");
  const { data, error, reload } = useResource("/runs", { assistant_id: run.assistant_id, limit: MOST_RUNS + 1 });
  const others = (data?.data ?? []).filter((/** @type {any} */ one) => one.id !== run.id).slice(0, MOST_RUNS);
  const pathTo = (/** @type {string} */ other) => `runs/compare?a=${run.id}&b=${encodeURIComponent(other)}`;
  /** @param {Event} event */
  const open = (event) => {
    event.preventDefault();
    navigate(pathTo(id.trim()));
  };
  return html`<${Dialog} kind="sheet" title=${t("runs.compare.choose")} onClose=${onClose}>
    <form class="compare-id" onSubmit=${open}><${TextField} label=${t("runs.compare.id")} value=${id} onInput=${setId} placeholder="run_…" class="mono" />
      <${Button} type="submit" disabled=${!id.trim()}>${t("runs.compare")}<//></form>
    <h3>${t("runs.compare.same")}</h3>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${data && !others.length && html`<p class="muted">${t("runs.compare.none")}</p>`}
    <ul class="choices">${others.map((/** @type {any} */ one) => html`<li key=${one.id}><a href=${hrefOf("runs/compare", { a: run.id, b: one.id })}><${Id} id=${one.id} link=${false} copy=${false} /></a>
      <${Badge} state=${one.status} /><span class="muted mono">${one.model}</span><span class="muted"><${Time} at=${one.created_at} /></span></li>`)}</ul>
  <//>`;
}
