/** Whether the server and its cluster are well: each part in words, with what to do where something is wrong. */
import { isTrouble, judgeHealth } from "../../lib/health.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { Page } from "../../ui/page.js";
import { Sentence } from "../../ui/sentence.js";
import { Skeleton } from "../../ui/states.js";
import { Time } from "../../ui/values.js";
import { html, useEffect } from "../../ui/view.js";
import { WithCode } from "../../ui/with_code.js";
import { useResource } from "../../ui/resource.js";
import { History } from "./history.js";
import { NodeTable } from "./node_table.js";
import { Parts } from "./parts.js";
import { ProviderTable } from "./provider_table.js";
import { QueueTable } from "./queue_table.js";

const REFRESH_MILLISECONDS = 5_000;

export const style = "health.css";

export default function HealthPage() {
  const { data, error, reload } = useResource("/organization/health");
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), REFRESH_MILLISECONDS);
    return () => clearInterval(timer);
  }, [reload]);
  const actions = data && html`<small class="muted health-checked"><${Sentence} text=${t("health.checked")} time=${html`<${Time} at=${data.checked_at} full=${true} />`} /></small>`;
  return html`<${Page} title=${t("health.title")} actions=${actions}>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} title=${data ? t("health.stale") : undefined} />`}
    ${!data && error === null && html`<${Skeleton} rows=${8} />`}
    ${data && html`<${Verdict} findings=${judgeHealth(data)} />
      <${History} nodes=${data.nodes} />
      <${Parts} health=${data} />
      <${QueueTable} queues=${data.queues} now=${data.checked_at} />
      <${ProviderTable} calls=${data.providers} />
      <${NodeTable} nodes=${data.nodes} nodeId=${data.node_id} />`}
  <//>`;
}

/** @param {{findings: import("../../lib/health.js").Finding[]}} props */
function Verdict({ findings }) {
  const isWell = !findings.some(isTrouble);
  return html`<section class="stack-small" aria-label=${t("health.verdict")}>
    ${isWell && html`<p class="verdict is-ok"><${Icon} name="circle-check" size=${20} /><strong>${t("health.well")}</strong></p>`}
    ${findings.map((finding) => html`<div key=${finding.name + finding.subject} class="note ${finding.level === "error" ? "is-error" : finding.level === "warn" ? "is-warn" : ""}">
      <${Icon} name=${finding.level === "info" ? "info" : "triangle-alert"} />
      <div class="note-text"><strong>${t(`health.finding.${finding.name}`, { subject: finding.subject })}</strong>
        ${finding.detail && html`<p><${WithCode} text=${finding.detail} /></p>`}<p class="muted"><${WithCode} text=${t(`health.advice.${finding.name}`)} /></p></div></div>`)}</section>`;
}
