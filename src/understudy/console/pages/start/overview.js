/** What happens now: runs that are active, what failed, the last threads, and what today cost. */
import { hrefOf, setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Page } from "../../ui/page.js";
import { html } from "../../ui/view.js";
import { useAuthors } from "../threads/authors.js";
import { ConnectProgram } from "./connect_program.js";
import { useOverview } from "./overview_data.js";
import { OverviewTiles } from "./overview_tiles.js";
import { RunRows } from "./run_rows.js";
import { ThreadRows } from "./thread_rows.js";

export function Overview() {
  const overview = useOverview();
  const names = useAuthors();
  const actions = html`<${Button} kind="quiet" icon="list" onClick=${() => setQuery({ steps: "1" }, { replace: false })}>${t("start.steps")}<//>
    <${Button} kind="primary" class="start-playground" icon="flask-conical" href="playground">${t("nav.playground")}<//>`;
  return html`<${Page} title=${t("start.overview")} actions=${actions}>
    <div class="start is-wide">
      <${OverviewTiles} overview=${overview} />
      <div class="overview-columns">
        <section class="stack-small"><h2 class="section-title"><a href=${hrefOf("runs")}>${t("start.running")}</a></h2>
          <${RunRows} resource=${overview.active} names=${names} none=${t("start.running.none")} /></section>
        <section class="stack-small"><h2 class="section-title"><a href=${hrefOf("runs", { status: "failed" })}>${t("start.failed")}</a></h2>
          <${RunRows} resource=${overview.failed} names=${names} none=${t("start.failed.none")} /></section>
      </div>
      <section class="stack-small"><h2 class="section-title"><a href=${hrefOf("threads")}>${t("start.threads")}</a></h2><${ThreadRows} resource=${overview.threads} /></section>
      <${ConnectProgram} />
    </div>
  <//>`;
}
