import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { JsonView } from "../../ui/json_view.js";
import { Item } from "../../ui/message/item.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { Skeleton } from "../../ui/states.js";
import { html, useEffect, useMemo } from "../../ui/view.js";
import { COMPLETIONS } from "./noun.js";

/** @param {{params: {id: string}}} props */
export default function CompletionDetail({ params }) {
  const messages = { name: "messages", label: t("completions.messages"), view: (/** @type {any} */ row) => html`<${Messages} row=${row} />` };
  return html`<${NounDetail} noun=${COMPLETIONS} id=${params.id} firstTab=${messages} />`;
}

/** The messages of the request, and the answers. @param {{row: any}} props */
function Messages({ row }) {
  const { pager } = useMemo(() => pagerOf(`/chat/completions/${encodeURIComponent(row.id)}/messages`, { order: "asc" }), [row.id]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const isFirst = pager.state.value === "loading" && !pager.rows.value.length;
  return html`<h2 class="visually-hidden">${t("completions.messages")}</h2>
    ${pager.error.value !== null && html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`}
    ${isFirst && html`<${Skeleton} rows=${2} />`}
    ${pager.rows.value.map((message) => html`<${ChatMessage} key=${message.id} message=${message} />`)}
    ${pager.hasMore.value && html`<${Button} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//>`}
    ${row.choices.map((/** @type {any} */ choice) => html`<${ChatMessage} key=${choice.index} message=${choice.message} />`)}`;
}

/** @param {{message: any}} props */
function ChatMessage({ message }) {
  const parts = message.content_parts ?? [{ type: "text", text: message.content ?? message.refusal ?? "" }];
  const texts = parts.filter((/** @type {any} */ part) => typeof part.text === "string");
  const item = { type: "message", role: message.role, content: texts.map((/** @type {any} */ part) => ({ type: "output_text", text: part.text })) };
  const rest = [...parts.filter((/** @type {any} */ part) => typeof part.text !== "string"), ...(message.tool_calls ?? [])];
  return html`<${Item} item=${item} />${rest.length > 0 && html`<${JsonView} value=${rest} label=${t("completions.parts")} depth=${2} />`}`;
}
