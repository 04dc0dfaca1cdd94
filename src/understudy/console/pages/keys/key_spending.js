/** What a key spends, and its spend limit. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useState } from "../../ui/view.js";
import { LimitDialog } from "../projects/limit_dialog.js";
import { SpendRows, askToRemoveLimit } from "../projects/spend_limit.js";

/** @param {{project: string, id: string}} props */
export function KeySpending({ project, id }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/credits`;
  const { data, error, reload, set } = useResource(path, { api_key_id: id });
  const [isOpen, setOpen] = useState(false);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${2} />`;
  const body = { api_key_id: id };
  return html`<section class="stack-small" aria-label=${t("projects.spending")}><h2>${t("projects.spending")}</h2>
    <dl class="fields"><${SpendRows} credits=${data} /></dl>
    <div class="inline"><${Button} icon="gauge" onClick=${() => setOpen(true)}>${t("projects.set-limit")}<//>
      ${data.spend_limit && html`<${Button} icon="x" onClick=${() => askToRemoveLimit(path, body, set)}>${t("projects.remove-limit")}<//>`}</div>
    ${isOpen && html`<${LimitDialog} path="${path}/limit" limit=${data.spend_limit} body=${body} onClose=${() => setOpen(false)} onDone=${set} />`}</section>`;
}
