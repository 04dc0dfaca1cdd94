/** What went into a response, and what came out of it. */
import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { IMAGES, Item } from "../../ui/message/item.js";
import { useProjectEvents } from "../../ui/project_events.js";
import { Skeleton } from "../../ui/states.js";
import { html, useEffect, useMemo } from "../../ui/view.js";

/** @param {{path: string, response: any, reload: () => void}} props */
export function ResponseItems({ path, response, reload }) {
  const { pager } = useMemo(() => pagerOf(`${path}/input_items`, { order: "asc", ...IMAGES }), [path]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  useProjectEvents("response", (change) => (change === null || change.id === response.id) && reload());
  const { usage } = response;
  const isFirst = pager.state.value === "loading" && !pager.rows.value.length;
  return html`<section class="stack" aria-label=${t("responses.input")}><h2 class="section-title">${t("responses.input")}${usage && html`<span class="muted"> · ${t("responses.tokens", { count: usage.input_tokens })}</span>`}</h2>
      ${pager.error.value !== null && html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`}
      ${isFirst && html`<${Skeleton} rows=${2} />`}
      ${pager.rows.value.map((item) => html`<${Item} key=${item.id} item=${item} />`)}
      ${pager.hasMore.value && html`<${Button} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}</section>
    <section class="stack" aria-label=${t("responses.output")}><h2 class="section-title">${t("responses.output")}${usage && html`<span class="muted"> · ${t("responses.tokens", { count: usage.output_tokens })}</span>`}</h2>
      ${response.error && html`<div class="note is-error" role="alert"><${Icon} name="circle-alert" /><div class="note-text"><strong>${response.error.code}</strong><p dir="auto">${response.error.message}</p></div></div>`}
      ${response.incomplete_details && html`<div class="note"><${Icon} name="triangle-alert" /><div class="note-text">${t("responses.incomplete", { reason: response.incomplete_details.reason })}</div></div>`}
      ${!response.output.length && !response.error && html`<p class="muted">${t("responses.no-output")}</p>`}
      ${response.output.map((/** @type {any} */ item) => html`<${Item} key=${item.id} item=${item} />`)}</section>`;
}
