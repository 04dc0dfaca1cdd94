/** Finds messages of a thread by their words, on the server: the page has only those near what is visible. */
import { pagerOf } from "../../api/pager.js";
import { t } from "../../text/texts.js";
import { excerptOf } from "../../lib/highlight_words.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { ErrorNote } from "../../ui/error_note.js";
import { MarkedText } from "../../ui/marked_text.js";
import { messageHref, textOf } from "../../ui/message/message.js";
import { Skeleton } from "../../ui/states.js";
import { Name, Time } from "../../ui/values.js";
import { html, useEffect, useMemo, useState } from "../../ui/view.js";

const TYPING_MILLISECONDS = 250;

/** @param {{thread: string, authors: Record<string, string>, onClose: () => void}} props */
export function FindDialog({ thread, authors, onClose }) {
  const [text, setText] = useState("");
  const [words, setWords] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setWords(text.trim()), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Dialog} kind="sheet" title=${t("threads.find")} onClose=${onClose}>
    <input class="input" type="search" autofocus aria-label=${t("threads.find.words")} placeholder=${t("threads.find.words")} value=${text}
      onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)} />
    ${words ? html`<${Hits} key=${words} thread=${thread} words=${words} authors=${authors} onClose=${onClose} />` : html`<p class="muted">${t("threads.find.about")}</p>`}
  <//>`;
}

/** @param {{thread: string, words: string, authors: Record<string, string>, onClose: () => void}} props */
function Hits({ thread, words, authors, onClose }) {
  const { pager } = useMemo(() => pagerOf(`/threads/${encodeURIComponent(thread)}/messages`, { q: words }), [thread, words]);
  useEffect(() => {
    pager.reload();
  }, [pager]);
  const rows = pager.rows.value;
  const state = pager.state.value;
  if (pager.error.value !== null) return html`<${ErrorNote} error=${pager.error.value} onRetry=${() => pager.reload()} />`;
  if (!rows.length && state === "loading") return html`<${Skeleton} rows=${4} />`;
  return html`<p class="muted" role="status">${foundText(rows.length, pager.hasMore.value)}</p>
    <ul class="find-hits">${rows.map((message) => html`<li key=${message.id}><a href=${messageHref(thread, message.id)} onClick=${onClose}>
      <span class="inline"><strong><${Name} text=${authors[message.assistant_id] ?? t(`message.${message.role}`)} /></strong><span class="muted"><${Time} at=${message.created_at} /></span></span>
      <span class="find-text" dir="auto"><${MarkedText} text=${excerptOf(textOf(message), words)} query=${words} /></span></a></li>`)}</ul>
    ${pager.hasMore.value && html`<div><${Button} busy=${state === "loading"} onClick=${() => pager.loadMore()}>${t("ui.load-more")}<//></div>`}`;
}

/** @param {number} count @param {boolean} hasMore */
function foundText(count, hasMore) {
  if (!count) return t("threads.find.none");
  return t(hasMore ? "threads.find.newest" : "threads.find.found", { count });
}
