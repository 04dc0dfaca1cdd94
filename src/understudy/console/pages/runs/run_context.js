/** What a model turn got of its thread, and what truncation left out of it. */
import { route, setQuery } from "../../app/router.js";
import { hasText, t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { messageHref } from "../../ui/message/message.js";
import { useResource } from "../../ui/resource.js";
import { Segments } from "../../ui/segments.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { Count, Name } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";

const PAGE = 100;

/** @param {{path: string, thread: string, status: string}} props */
export function RunContext({ path, thread, status }) {
  const turn = route.value.query.get("turn");
  const { data: context, error, reload } = useResource(`${path}/context`, { limit: PAGE, ...(turn ? { turn } : {}), status });
  if (/** @type {any} */ (error)?.status === 404) return html`<${Empty} icon="layers" title=${t("runs.context.none")} text=${t("runs.context.none.text")} />`;
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!context) return html`<${Skeleton} />`;
  const turns = Array.from({ length: context.turns }, (_, index) => ({ value: String(index + 1), label: t("runs.context.turn", { number: index + 1 }) }));
  return html`<section class="stack" aria-label=${t("runs.context")}>
    ${turns.length > 1 && html`<${Segments} label=${t("runs.context.turns")} value=${String(context.turn)} options=${turns} onChange=${(/** @type {string} */ value) => setQuery({ turn: value })} />`}
    <dl class="run-figures">
      <${Figure} name="prompt" value=${context.prompt_tokens} /><${Figure} name="limit" value=${context.prompt_limit} /><${Figure} name="window" value=${context.window} />
      <${Figure} name="instructions" value=${context.instructions_tokens} /><${Figure} name="tools" value=${context.tools_tokens} /></dl>
    ${context.dropped_messages > 0 && html`<p class="note"><${Icon} name="triangle-alert" />${t("runs.context.dropped", { count: context.dropped_messages })}</p>`}
    <${ContextItems} key=${context.turn + status} path=${path} thread=${thread} context=${context} />
  </section>`;
}

/** @param {{name: string, value: number | null}} props */
function Figure({ name, value }) {
  return html`<div><dt>${t(`runs.context.figure.${name}`)}</dt><dd><${Count} value=${value} /></dd></div>`;
}

/** The items of the turn, newest first: what a model got last decides most. @param {{path: string, thread: string, context: any}} props */
function ContextItems({ path, thread, context }) {
  const [pages, setPages] = useState(/** @type {readonly string[]} */ ([]));
  return html`<table class="context-items"><caption class="visually-hidden">${t("runs.context.items")}</caption>
      <thead><tr><th scope="col">${t("runs.context.item")}</th><th scope="col">${t("runs.context.text")}</th><th scope="col" class="number">${t("runs.context.tokens")}</th></tr></thead>
      <${ContextRows} thread=${thread} items=${context.data} />
      ${pages.map((after) => html`<${LaterRows} key=${after} path=${path} thread=${thread} turn=${context.turn} after=${after} onMore=${(/** @type {string} */ next) => setPages([...pages, next])} isLast=${after === pages.at(-1)} />`)}</table>
    ${context.has_more && !pages.length && html`<div><${Button} onClick=${() => setPages([context.last_id])}>${t("ui.load-more")}<//></div>`}`;
}

/** @param {{path: string, thread: string, turn: number, after: string, isLast: boolean, onMore: (after: string) => void}} props */
function LaterRows({ path, thread, turn, after, isLast, onMore }) {
  const { data, error, reload } = useResource(`${path}/context`, { limit: PAGE, turn, after });
  const more = data?.has_more && isLast;
  return html`${data && html`<${ContextRows} thread=${thread} items=${data.data} />`}
    ${(error !== null || more) && html`<tbody><tr><td colspan="3">${error !== null ? html`<${ErrorNote} error=${error} onRetry=${reload} />` : html`<${Button} onClick=${() => onMore(data.last_id)}>${t("ui.load-more")}<//>`}</td></tr></tbody>`}`;
}

/** @param {{thread: string, items: readonly any[]}} props */
function ContextRows({ thread, items }) {
  return html`<tbody>${items.map((item) => html`<tr key=${item.id} class=${item.included ? "" : "is-dropped"}>
    <th scope="row">${item.type === "message" ? html`<a href=${messageHref(thread, item.id)}>${t(`message.${item.role}`)}</a>` : itemLabel(item.type)}</th>
    <td><span class="context-text"><${Name} text=${item.text} empty="—" /></span>${!item.included && html`<small class="context-rule"><${Icon} name="funnel" size=${12} />${t(`runs.context.rule.${item.rule}`)}</small>`}</td>
    <td class="number"><${Count} value=${item.tokens} /></td></tr>`)}</tbody>`;
}

/** @param {string} type such as `file_search_call` */
function itemLabel(type) {
  const key = `runs.tool.${type.replace(/_call$/, "")}`;
  return hasText(key) ? t(key) : html`<span class="mono">${type}</span>`;
}
