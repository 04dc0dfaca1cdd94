/** What a key spends, and its spend limit. */
import { post } from "../../api/client.js";
import { toDollars } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/confirm.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { Money } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { LimitDialog } from "../projects/limit_dialog.js";
import { SpendLimit } from "../projects/spend_limit.js";

/** @param {{project: string, id: string}} props */
export function KeySpending({ project, id }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/credits`;
  const { data, error, reload, set } = useResource(path, { api_key_id: id });
  const [isOpen, setOpen] = useState(false);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${2} />`;
  const askToRemove = () => confirm({
    title: t("projects.remove-limit.title"), text: t("projects.remove-limit.text"), action: t("projects.remove-limit"),
    run: async () => set(await post(`${path}/limit`, { credits: null, api_key_id: id })),
  });
  return html`<section class="stack-small" aria-label=${t("projects.spending")}><h2>${t("projects.spending")}</h2>
    <dl class="fields">
      <div><dt>${t("projects.spent")}</dt><dd><${Money} dollars=${toDollars(data.spent_this_month)} /></dd></div>
      <div><dt>${t("projects.limit")}</dt><dd><${SpendLimit} limit=${data.spend_limit} /></dd></div>
    </dl>
    <div class="inline"><${Button} icon="gauge" onClick=${() => setOpen(true)}>${t("projects.set-limit")}<//>
      ${data.spend_limit && html`<${Button} icon="x" onClick=${askToRemove}>${t("projects.remove-limit")}<//>`}</div>
    ${isOpen && html`<${LimitDialog} path="${path}/limit" limit=${data.spend_limit} body=${{ api_key_id: id }} onClose=${() => setOpen(false)} onDone=${set} />`}</section>`;
}
