/** The turns of a thread, virtual; the answer grows at its end. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Message, messageHref } from "../../ui/message/message.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { VirtualList } from "../../ui/virtual_list.js";
import { html, useRef, useState } from "../../ui/view.js";
import { RunTurn } from "./run_turn.js";

/**
 * @param {{session: import("./thread_session.js").ThreadSession | null, names: Record<string, string>,
 *   onPassages: (source: import("./passage_pane.js").PassageSource) => void, onRunAgain: () => void}} props `names` are
 *   those of assistants by id
 */
export function Conversation({ session, names, onPassages, onRunAgain }) {
  const list = useRef(/** @type {any} */ (null));
  const [isFollowing, setFollowing] = useState(true);
  if (session === null) return html`<div class="log playground-empty"><${Empty} icon="message-square" title=${t("playground.empty")} text=${t("playground.empty.text")} /></div>`;
  if (session.error.value !== null) return html`<div class="log page-body"><${ErrorNote} error=${session.error.value} onRetry=${() => session.open()} /></div>`;
  if (!session.isReady.value) return html`<div class="log page-body"><${Skeleton} rows=${6} /></div>`;
  const turns = session.turns.value;
  if (!turns.length) return html`<div class="log playground-empty"><${Empty} icon="message-square" title=${t("playground.empty")} text=${t("playground.empty.text")} /></div>`;
  const last = turns.at(-1)?.id;
  const renderTurn = (/** @type {import("../../lib/thread_turns.js").Turn} */ turn) => html`<div class="message-frame">${turn.kind === "run"
    ? html`<${RunTurn} key=${turn.id} session=${session} turn=${turn} names=${names} isLast=${turn.id === last} onPassages=${onPassages} onRunAgain=${onRunAgain} />`
    : html`<${Message} message=${turn.message} author=${turn.message.assistant_id ? names[turn.message.assistant_id] : undefined} href=${messageHref(session.id, turn.id)} />`}</div>`;
  return html`<div class="log">
    <${VirtualList} items=${turns} label=${t("playground.messages")} estimate=${140} onReady=${(/** @type {any} */ ready) => { list.current = ready; }}
      onStart=${() => session.log.loadOlder()} onFollow=${setFollowing} renderItem=${renderTurn} />
    ${!isFollowing && html`<div class="log-newest"><${Button} icon="arrow-down" shortcut="End" onClick=${() => list.current?.toEnd()}>${t("playground.newest")}<//></div>`}
  </div>`;
}
