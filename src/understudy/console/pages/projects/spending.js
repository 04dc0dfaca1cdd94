/** The balance of a project, its spend limit, and every change of the balance. */
import { remove } from "../../api/client.js";
import { toDollars } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { confirm } from "../../ui/confirm.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { Money } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { CreditHistory } from "./credit_history.js";
import { GrantDialog } from "./grant_dialog.js";
import { LimitDialog } from "./limit_dialog.js";
import { SpendRows, askToRemoveLimit } from "./spend_limit.js";

/** @param {{project: string, canChange: boolean}} props */
export function Spending({ project, canChange }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/credits`;
  const { data, error, reload, set } = useResource(path);
  const [open, setOpen] = useState(/** @type {"grant" | "limit" | null} */ (null));
  const [round, setRound] = useState(0);
  const close = () => setOpen(null);
  const change = (/** @type {any} */ credits) => {
    set(credits);
    setRound((old) => old + 1);
  };
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} />`;
  const askToRemoveBudget = () => confirm({
    title: t("projects.remove-budget.title"), text: t("projects.remove-budget.text"), action: t("projects.remove-budget"),
    run: async () => { await remove(`${path}/budget`); reload(); },
  });
  return html`<dl class="fields">
      <div><dt>${t("projects.balance")}</dt><dd>${data.is_limited ? html`<${Money} dollars=${toDollars(data.balance)} />` : html`<span class="muted">${t("projects.balance.unlimited")}</span>`}</dd></div>
      <${SpendRows} credits=${data} />
    </dl>
    ${canChange && html`<div class="spending-actions">
      <${Button} kind="primary" icon="plus" onClick=${() => setOpen("grant")}>${t("projects.grant")}<//>
      <${Button} icon="gauge" onClick=${() => setOpen("limit")}>${t("projects.set-limit")}<//>
      ${data.spend_limit && html`<${Button} icon="x" onClick=${() => askToRemoveLimit(path, {}, change)}>${t("projects.remove-limit")}<//>`}
      ${data.is_limited && html`<${Button} icon="x" onClick=${askToRemoveBudget}>${t("projects.remove-budget")}<//>`}</div>`}
    <${CreditHistory} key=${round} path="${path}/entries" />
    ${open === "grant" && html`<${GrantDialog} path=${path} onClose=${close} onDone=${change} />`}
    ${open === "limit" && html`<${LimitDialog} path="${path}/limit" limit=${data.spend_limit} onClose=${close} onDone=${change} />`}`;
}
