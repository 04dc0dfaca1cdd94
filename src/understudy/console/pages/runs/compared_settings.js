import { route, setQuery } from "../../app/router.js";
import { compareSettings } from "../../lib/run_settings.js";
import { t } from "../../text/texts.js";
import { Checkbox } from "../../ui/field.js";
import { html } from "../../ui/view.js";
import { TextDiff } from "./text_diff.js";

/** Settings and instructions of both runs; at first only those that differ. @param {{records: readonly import("./compared_run.js").RunRecord[]}} props */
export function ComparedSettings({ records: [a, b] }) {
  const isWhole = route.value.query.get("settings") === "all";
  const rows = compareSettings(a?.run, b?.run);
  const visible = rows.filter((row) => isWhole || row.isDifferent);
  return html`<section class="stack-small"><div class="inline"><h2>${t("runs.settings")}</h2><span class="spring"></span>
      <${Checkbox} label=${t("runs.compare.all-settings")} checked=${isWhole} onChange=${(/** @type {boolean} */ isOn) => setQuery({ settings: isOn ? "all" : null })} /></div>
    ${visible.length ? html`<div class="table-frame"><table class="figures is-wide compared-settings"><thead><tr><th scope="col">${t("runs.compare.setting")}</th><th scope="col">A</th><th scope="col">B</th></tr></thead>
      <tbody>${visible.map((row) => html`<tr key=${row.name} class=${row.isDifferent ? "is-different" : ""}><th scope="row" class="mono">${row.name}</th>${row.values.map((value, index) => html`<td key=${index}><bdi>${value}</bdi></td>`)}</tr>`)}</tbody></table></div>`
      : html`<p class="muted">${t("runs.compare.same-settings")}</p>`}</section>
    <section class="stack-small"><h2>${t("runs.field.instructions")}</h2><${TextDiff} before=${a?.run.instructions ?? ""} after=${b?.run.instructions ?? ""} /></section>`;
}
