/** What an import has done: numbers by kind, what was skipped and why, files without bytes, unknown members. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CountTable } from "../../ui/transfer/count_table.js";
import { Count, Id, Ids, Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";

const FIRST_ENTRIES = 100;
const FIRST_FILES = 20;

/** @param {{report: any, isDryRun: boolean}} props */
export function ImportReport({ report, isDryRun }) {
  const columns = [
    { label: t(isDryRun ? "imports.importable" : "imports.imported"), counts: report.imported },
    { label: t("imports.replaced"), counts: report.replaced },
    { label: t("imports.skipped"), counts: report.skipped },
  ];
  return html`<${CountTable} label=${t("imports.report")} columns=${columns} />
    <${Entries} entries=${report.entries} leftOut=${report.entries_left_out} />
    <${FilesWithoutContent} ids=${report.without_content} count=${report.files_without_content} />
    <${UnknownMembers} members=${report.unknown_members} />`;
}

/** @param {{entries: {kind: string, id: string, reason: string}[], leftOut: number}} props */
function Entries({ entries, leftOut }) {
  const [isWhole, setWhole] = useState(false);
  if (!entries.length) return null;
  const visible = isWhole ? entries : entries.slice(0, FIRST_ENTRIES);
  return html`<section class="stack-small"><h2 class="section-title">${t("imports.entries")} <span class="muted"><${Count} value=${entries.length + leftOut} /></span></h2>
    <div class="table-frame"><table class="figures is-wide import-entries" aria-label=${t("imports.entries")}>
      <thead><tr><th scope="col" class="priority-2">${t("transfers.kind")}</th><th scope="col">${t("imports.entry")}</th><th scope="col">${t("imports.reason")}</th></tr></thead>
      <tbody>${visible.map((one, index) => html`<tr key=${index}><td class="mono priority-2">${one.kind}</td><td>${one.kind === "input" ? html`<${Name} text=${one.id} />` : html`<${Id} id=${one.id} full=${true} copy=${false} />`}</td><td dir="auto">${one.reason}</td></tr>`)}</tbody></table></div>
    ${visible.length < entries.length && html`<div><${Button} onClick=${() => setWhole(true)}>${t("ui.more-entries", { count: entries.length - visible.length })}<//></div>`}
    ${leftOut > 0 && html`<p class="muted">${t("imports.left-out", { count: leftOut })}</p>`}</section>`;
}

/** @param {{ids: string[], count: number}} props */
function FilesWithoutContent({ ids, count }) {
  if (!count) return null;
  const visible = ids.slice(0, FIRST_FILES);
  return html`<section class="stack-small"><h2 class="section-title">${t("imports.without-content")} <span class="muted"><${Count} value=${count} /></span></h2>
    <p class="muted">${t("imports.without-content.text")}</p><${Ids} ids=${visible} />
    ${count > visible.length && html`<p class="muted">${t("imports.more-files", { count: count - visible.length })}</p>`}</section>`;
}

/** @param {{members: Record<string, number>}} props */
function UnknownMembers({ members }) {
  const names = Object.keys(members);
  if (!names.length) return null;
  return html`<section class="stack-small"><h2 class="section-title">${t("imports.unknown-members")}</h2><p class="muted">${t("imports.unknown-members.text")}</p>
    <span class="tags">${names.map((name) => html`<bdi key=${name} class="tag mono">${name} <span class="muted"><${Count} value=${members[name]} /></span></bdi>`)}</span></section>`;
}
