/** The limits of a project or of a key: what applies, and whether it is its own or that of the settings. */
import { readAmount } from "../../lib/limits.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useState } from "../../ui/view.js";
import { Amount, metricLabel } from "./limit_values.js";
import { LimitsDialog } from "./limits_dialog.js";

/** @type {readonly import("../../lib/limits.js").LimitMode[]} */
const MODES = ["default", "unlimited", "number"];

/** @param {{path: string, title: string, canChange: boolean}} props `path` of the limits in the API */
export function LimitTable({ path, title, canChange }) {
  const { data, error, reload, set } = useResource(path);
  const [isOpen, setOpen] = useState(false);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} />`;
  const names = Object.keys(data.limits);
  return html`<section class="stack-small" aria-label=${title}><div class="inline"><h2>${title}</h2><span class="spring"></span>
      ${canChange && html`<${Button} icon="pencil" onClick=${() => setOpen(true)}>${t("limits.change")}<//>`}</div>
    <div class="table-frame"><table class="figures is-wide">
      <thead><tr><th scope="col">${t("limits.limit")}</th><th scope="col" class="number">${t("limits.applies")}</th><th scope="col" class="number">${t("limits.used")}</th><th scope="col">${t("limits.source")}</th></tr></thead>
      <tbody>${names.map((name) => html`<tr key=${name}><th scope="row">${metricLabel(name)}</th><td class="number"><${Amount} name=${name} amount=${data.effective[name]} /></td><td class="number">${data.usage[name] === undefined ? html`<span class="muted">—</span>` : html`<${Amount} name=${name} amount=${data.usage[name]} />`}</td>
        <td class="muted">${t(data.limits[name] === null ? "limits.source.settings" : "limits.source.own")}</td></tr>`)}</tbody></table></div>
    ${isOpen && html`<${LimitsDialog} title=${t("limits.change")} path=${path} modes=${MODES} unlimited="unlimited" onClose=${() => setOpen(false)} onDone=${set}
      choices=${Object.fromEntries(names.map((name) => [name, readAmount(data.limits[name])]))} />`}</section>`;
}
