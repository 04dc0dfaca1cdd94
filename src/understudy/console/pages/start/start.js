/** The first page: where programs connect, and what was made last. */
import { pagerOf } from "../../api/pager.js";
import { API_URL } from "../../app/base.js";
import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { CodeBlock } from "../../ui/code_block.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Page } from "../../ui/page.js";
import { Name, Time } from "../../ui/values.js";
import { html, useEffect, useMemo } from "../../ui/view.js";

const MOST_ROWS = 5;

export const style = "start.css";

export default function StartPage() {
  return html`<${Page} title=${t("start.title")}>
    <div class="start">
      <section class="stack-small"><h2>${t("start.connect")}</h2><p class="muted">${t("start.connect.text")}</p>
        <${CodeBlock} label=${t("start.environment")} code=${`export OPENAI_BASE_URL=${API_URL}\nexport OPENAI_API_KEY=…`} /></section>
      <${Recent} path="/threads" query=${{ "include[]": "preview" }} page="threads" title=${t("start.threads")} none=${t("start.threads.none")} nameOf=${(/** @type {any} */ row) => html`<${Name} text=${row.preview ?? row.id} />`} />
      <${Recent} path="/assistants" page="assistants" title=${t("start.assistants")} none=${t("start.assistants.none")} nameOf=${(/** @type {any} */ row) => html`<${Name} text=${row.name ?? row.id} />`} />
    </div>
  <//>`;
}

/** @param {{path: string, query?: Record<string, string>, page: string, title: string, none: string, nameOf: (row: any) => any}} props */
function Recent({ path, query = {}, page, title, none, nameOf }) {
  const { pager } = useMemo(() => pagerOf(path, { limit: MOST_ROWS, ...query }), [path]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const rows = pager.rows.value.slice(0, MOST_ROWS);
  return html`<section class="stack-small"><h2><a href=${hrefOf(page)}>${title}</a></h2>
    ${pager.state.value === "error" && html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`}
    ${pager.state.value === "ready" && !rows.length && html`<p class="muted">${none}</p>`}
    <ul class="recent">${rows.map((row) => html`<li key=${row.id}><a href=${hrefOf(`${page}/${row.id}`)}>${nameOf(row)}</a><span class="muted"><${Time} at=${row.created_at} /></span></li>`)}</ul></section>`;
}
