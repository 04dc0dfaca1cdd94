/** The turns of a thread, virtual; the answer grows at its end. */
import { setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { lazy } from "../../ui/lazy.js";
import { Message, messageHref } from "../../ui/message/message.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { VirtualList } from "../../ui/virtual_list.js";
import { html, useRef, useState } from "../../ui/view.js";
import { RunTurn } from "./run_turn.js";

const ForkPager = lazy(async () => (await import("./fork_pager.js")).ForkPager);
const MessageEditor = lazy(async () => (await import("./message_editor.js")).MessageEditor);

const openVersion = (/** @type {string} */ thread) => setQuery({ thread }, { replace: false });

/**
 * @param {{session: import("./thread_session.js").ThreadSession | null, names: Record<string, string>,
 *   onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void, isSending: boolean,
 *   onEdit: (message: any, text: string) => Promise<boolean>, onRetry: (turn: string) => void}} props `names` are those of
 *   assistants by id; `onEdit` returns whether the message was sent
 */
export function Conversation({ session, names, onPassages, isSending, onEdit, onRetry }) {
  const list = useRef(/** @type {any} */ (null));
  const [isFollowing, setFollowing] = useState(true);
  const [edited, setEdited] = useState(/** @type {string | null} */ (null));
  if (session === null) return html`<div class="log playground-empty"><${Empty} icon="message-square" title=${t("playground.empty")} text=${t("playground.empty.text")} /></div>`;
  if (session.error.value !== null) return html`<div class="log page-body"><${ErrorNote} error=${session.error.value} onRetry=${() => session.open()} /></div>`;
  if (!session.isReady.value) return html`<div class="log page-body"><${Skeleton} rows=${6} /></div>`;
  const turns = session.turns.value;
  if (!turns.length) return html`<div class="log playground-empty"><${Empty} icon="message-square" title=${t("playground.empty")} text=${t("playground.empty.text")} /></div>`;
  const isBusy = session.isBusy.value || isSending;
  const renderTurn = (/** @type {import("../../lib/thread_turns.js").Turn} */ turn) => {
    const fork = session.forkAt(turn.id);
    const pager = fork && html`<${ForkPager} fork=${fork} onOpen=${openVersion} />`;
    const retry = isBusy ? undefined : () => onRetry(turn.id);
    if (turn.kind === "run") return html`<div class="message-frame"><${RunTurn} key=${turn.id} session=${session} turn=${turn} names=${names} pager=${pager} onPassages=${onPassages} onRetry=${retry} /></div>`;
    const { message } = turn;
    const actions = html`${pager}${message.role === "user" ? html`<${Button} kind="quiet" icon="pencil" label=${t("playground.edit")} disabled=${isBusy} onClick=${() => setEdited(turn.id)} />`
      : retry && html`<${Button} kind="quiet" icon="rotate-cw" label=${t("playground.again")} onClick=${retry} />`}`;
    return html`<div class="message-frame">${edited === turn.id
      ? html`<${MessageEditor} message=${message} isBusy=${isBusy} onSend=${(/** @type {string} */ text) => onEdit(message, text)} onClose=${() => setEdited(null)} />`
      : html`<${Message} message=${message} author=${message.assistant_id ? names[message.assistant_id] : undefined} href=${messageHref(session.id, turn.id)} actions=${actions} />`}</div>`;
  };
  return html`<div class="log">
    <${VirtualList} items=${turns} label=${t("playground.messages")} estimate=${140} onReady=${(/** @type {any} */ ready) => { list.current = ready; }}
      onStart=${() => session.log.loadOlder()} onFollow=${setFollowing} renderItem=${renderTurn} />
    ${!isFollowing && html`<div class="log-newest"><${Button} icon="arrow-down" shortcut="End" onClick=${() => list.current?.toEnd()}>${t("playground.newest")}<//></div>`}
  </div>`;
}
