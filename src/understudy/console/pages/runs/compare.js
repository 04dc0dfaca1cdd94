/** Two runs side by side: where their time went, and what differs in their settings, instructions and output. */
import { route, setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Page } from "../../ui/page.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";
import { ComparedFigures } from "./compared_figures.js";
import { ComparedOutput } from "./compared_output.js";
import { useRunRecord } from "./compared_run.js";
import { ComparedSettings } from "./compared_settings.js";
import { ComparedTimelines } from "./compared_timelines.js";

export const style = "runs.css";

export default function CompareRuns() {
  const { query } = route.value;
  const [a, b] = [query.get("a"), query.get("b")];
  const records = [useRunRecord(a), useRunRecord(b)];
  const failed = records.find((record) => record.error !== null);
  const isLoaded = records.every((record) => record.run !== null);
  const actions = a && b && html`<${Button} icon="git-compare" onClick=${() => setQuery({ a: b, b: a })}>${t("runs.compare.swap")}<//>`;
  return html`<${Page} title=${t("runs.compare.title")} parent=${{ path: "runs", label: t("runs.title") }} actions=${actions}>
    ${!(a && b) && html`<${Empty} icon="git-compare" title=${t("runs.compare.missing")} text=${t("runs.compare.missing.text")}><${Button} href="runs">${t("runs.title")}<//><//>`}
    ${failed && html`<${ErrorNote} error=${failed.error} onRetry=${failed.reload} />`}
    ${a && b && !failed && !isLoaded && html`<${Skeleton} rows=${10} />`}
    ${isLoaded && html`<${ComparedFigures} records=${records} />
      <${ComparedTimelines} records=${records} />
      <${ComparedOutput} records=${records} />
      <${ComparedSettings} records=${records} />`}
  <//>`;
}
