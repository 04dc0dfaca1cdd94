/** The rate limits of each model in a project. */
import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Skeleton } from "../../ui/states.js";
import { Name } from "../../ui/values.js";
import { html, useEffect, useMemo, useState } from "../../ui/view.js";
import { NO_LIMIT } from "../../lib/limits.js";
import { Amount, metricLabel } from "./limit_values.js";
import { LimitsDialog } from "./limits_dialog.js";

const METRICS = ["max_requests_per_1_minute", "max_tokens_per_1_minute", "max_requests_per_1_day", "batch_1_day_max_input_tokens"];
/** @type {readonly import("../../lib/limits.js").LimitMode[]} */
const MODES = ["keep", "default", "unlimited", "number"];

/** @param {{project: string, canChange: boolean}} props */
export function ModelLimits({ project, canChange }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/rate_limits`;
  const { pager } = useMemo(() => pagerOf(path), [path]);
  const [edited, setEdited] = useState(/** @type {any} */ (null));
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const rows = pager.rows.value;
  if (pager.error.value !== null) return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`;
  return html`<section class="stack-small" aria-label=${t("limits.models")}><h2>${t("limits.models")}</h2>
    ${!rows.length && (pager.state.value === "loading" ? html`<${Skeleton} rows=${3} />` : html`<p class="muted">${t("limits.no-models")}</p>`)}
    ${rows.length > 0 && html`<div class="table-frame"><table class="figures is-wide model-limits">
      <thead><tr><th scope="col">${t("limits.model")}</th>${METRICS.map((name, index) => html`<th key=${name} scope="col" class="number ${index > 1 ? "priority-2" : ""}">${metricLabel(name)}</th>`)}<th scope="col"><span class="visually-hidden">${t("limits.change")}</span></th></tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.id}><th scope="row"><${Name} text=${row["model"]} /></th>
        ${METRICS.map((name, index) => html`<td key=${name} class="number ${index > 1 ? "priority-2" : ""}"><${Amount} name=${name} amount=${row[name]} /></td>`)}
        <td class="number">${canChange && html`<${Button} kind="quiet" icon="pencil" label=${t("limits.change-model", { model: row["model"] })} onClick=${() => setEdited(row)} />`}</td></tr>`)}</tbody></table></div>
      ${pager.hasMore.value && html`<${Button} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}`}
    ${edited && html`<${LimitsDialog} title=${t("limits.change-model", { model: edited.model })} path="${path}/${edited.id.split("/").map(encodeURIComponent).join("/")}" modes=${MODES} unlimited=${NO_LIMIT}
      choices=${Object.fromEntries(METRICS.map((name) => [name, { mode: "keep", text: "" }]))} onClose=${() => setEdited(null)} onDone=${(/** @type {any} */ row) => pager.replace(row)} />`}</section>`;
}
