/** The messages of a thread, virtual, with a rule between days. */
import { TwoWayRows } from "../../api/two_way_rows.js";
import { t } from "../../text/texts.js";
import { formatDay, dayOf } from "../../lib/format.js";
import { currentLocale, currentZone } from "../../state/settings.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { loadRenderer } from "../../ui/markdown/renderer.js";
import { Message, messageHref } from "../../ui/message/message.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { VirtualList } from "../../ui/virtual_list.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "../../ui/view.js";

/**
 * @param {{thread: string, at: string | null, authors: Record<string, string>,
 *   onPassages: (source: import("../../ui/passage/passage_pane.js").PassageSource) => void}} props `at` is the message to
 *   begin at, `authors` are the names of assistants by id
 */
export function MessageLog({ thread, at, authors, onPassages }) {
  const log = useMemo(() => new TwoWayRows(`/threads/${encodeURIComponent(thread)}/messages`), [thread]);
  const list = useRef(/** @type {any} */ (null));
  const [isFollowing, setFollowing] = useState(at === null);
  useLayoutEffect(() => {
    // Both at once: messages need it when they are there.
    loadRenderer();
    log.open(at);
  }, [log]);
  const rows = log.rows.value;
  if (!log.isReady.value) return log.error.value === null ? html`<div class="page-body"><${Skeleton} rows=${8} /></div>` : html`<div class="page-body"><${ErrorNote} error=${log.error.value} onRetry=${() => log.open(at)} /></div>`;
  if (!rows.length) return html`<div class="page-body"><${Empty} icon="message-square" title=${t("threads.no-messages")} text=${t("threads.no-messages.text")} /></div>`;
  const toNewest = async () => {
    if (log.hasNewer.value) await log.open(null);
    list.current?.toEnd();
  };
  return html`<div class="log">
    ${log.error.value !== null && html`<${ErrorNote} error=${log.error.value} onRetry=${() => log.loadOlder()} />`}
    <${VirtualList} items=${rows} label=${t("threads.messages")} estimate=${110} focusId=${at} onReady=${(/** @type {any} */ ready) => { list.current = ready; }}
      onStart=${() => log.loadOlder()} onEnd=${() => log.loadNewer()} onFollow=${setFollowing}
      renderItem=${(/** @type {any} */ message, /** @type {number} */ index) => html`${isNewDay(rows, index) && html`<${DayRule} at=${message.created_at} />`}
        <div class=${message.id === at ? "message-frame is-target" : "message-frame"}><${Message} message=${message} author=${message.assistant_id ? authors[message.assistant_id] : undefined} href=${messageHref(thread, message.id)}
          onCitation=${message.run_id ? (/** @type {string} */ file) => onPassages({ thread, run: message.run_id, file }) : undefined} /></div>`} />
    ${(!isFollowing || log.hasNewer.value) && html`<div class="log-newest"><${Button} icon="arrow-down" shortcut="End" onClick=${toNewest}>${t("threads.newest")}<//></div>`}
  </div>`;
}

/** @param {readonly any[]} rows @param {number} index */
function isNewDay(rows, index) {
  const day = (/** @type {any} */ row) => dayOf(new Date(row.created_at * 1000), currentZone());
  return index === 0 || day(rows[index]) !== day(rows[index - 1]);
}

/** @param {{at: number}} props */
function DayRule({ at }) {
  return html`<div class="day-rule"><span>${formatDay(at, { zone: currentZone(), language: currentLocale() })}</span></div>`;
}
