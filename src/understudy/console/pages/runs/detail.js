/** One run: where its time went, its raw events, its object; live while it runs. */
import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { ApiPreview } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { copyText } from "../../ui/copy_button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { JsonView } from "../../ui/json_view.js";
import { Menu } from "../../ui/menu.js";
import { NounFields } from "../../ui/noun/noun_fields.js";
import { Page } from "../../ui/page.js";
import { Skeleton } from "../../ui/states.js";
import { Tabs, useTab } from "../../ui/tabs.js";
import { Badge, Id } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { CompareDialog } from "./compare_dialog.js";
import { RunContext } from "./run_context.js";
import { EventLog } from "./event_log.js";
import { RUNS } from "./noun.js";
import { changeInPlayground, runAgain, runOnBranch } from "./run_actions.js";
import { RunFailure } from "./run_failure.js";
import { RunSummary } from "./run_summary.js";
import { isActive } from "./run_values.js";
import { Timeline } from "./timeline.js";
import { useLiveRun } from "./live_run.js";

export const style = "runs.css";
export const texts = ["failures"];

/** @param {{params: {thread: string, id: string}}} props */
export default function RunPage({ params: { thread, id } }) {
  const path = `/threads/${encodeURIComponent(thread)}/runs/${encodeURIComponent(id)}`;
  const live = useLiveRun(path);
  const { run, trace } = live;
  const [isComparing, setComparing] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  /** @param {() => Promise<any>} act */
  const attempt = (act) => act().then(() => setError(null), setError);
  const cancel = () => attempt(async () => live.follower?.cancel());
  const canCancel = run && isActive(run) && run.status !== "cancelling";
  useShortcuts([
    { key: "y", label: t("ui.copy-id"), run: () => copyText(id) },
    { key: "Y", label: t("ui.copy-link"), run: () => copyText(location.href) },
  ]);
  const tabs = [
    { name: "timeline", label: t("runs.timeline"), view: () => html`<${Timeline} path=${path} run=${run} trace=${trace} />` },
    { name: "events", label: t("runs.events"), view: () => html`<${EventLog} events=${live.events} isOpen=${isActive(run)} />` },
    { name: "context", label: t("runs.context"), view: () => html`<${RunContext} path=${path} thread=${thread} status=${run.status} />` },
    { name: "settings", label: t("runs.settings"), view: () => html`<${NounFields} noun=${RUNS} row=${run} />` },
    { name: "json", label: t("ui.json"), view: () => html`<${JsonView} value=${run} label=${id} depth=${2} />` },
    { name: "api", label: t("ui.api"), view: () => html`<${ApiPreview} call=${{ method: "GET", path }} />` },
  ];
  const current = useTab(tabs);
  const items = [
    { label: t("runs.on-branch"), icon: "git-branch", run: () => attempt(() => runOnBranch(run)) },
    { label: t("runs.change"), icon: "pencil", run: () => attempt(() => changeInPlayground(run)) },
    { label: t("runs.compare.with"), icon: "git-compare", run: () => setComparing(true) },
    { label: t("ui.copy-link"), icon: "link", run: () => copyText(location.href) },
  ];
  const actions = run && html`${canCancel ? html`<${Button} icon="circle-stop" onClick=${cancel}>${t("runs.cancel")}<//>` : html`<${Button} icon="rotate-cw" onClick=${() => attempt(() => runAgain(run))}>${t("runs.again")}<//>`}
    <${Menu} label=${t("ui.more")} items=${items} />`;
  const title = html`<${Id} id=${id} link=${false} />`;
  return html`<${Page} title=${html`<span class="run-title">${title}${run && html`<${Badge} state=${run.status} />`}</span>`} name=${id} parent=${{ path: "runs", label: t("runs.title") }}
      actions=${actions} tabs=${run && html`<${Tabs} tabs=${tabs} label=${id} />`}>
    ${(error ?? live.error) !== null && html`<${ErrorNote} error=${error ?? live.error} onRetry=${live.reload} />`}
    ${!run && live.error === null && html`<${Skeleton} />`}
    ${run && html`<${RunSummary} run=${run} trace=${trace} /><${RunFailure} run=${run} />${tabs.find((tab) => tab.name === current)?.view()}`}
    ${isComparing && html`<${CompareDialog} run=${run} onClose=${() => setComparing(false)} />`}
  <//>`;
}
