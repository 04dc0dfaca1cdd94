/** One message of a thread: its author, time and run, and its content as text, Markdown, figures and citations. */
import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { CopyButton } from "../copy_button.js";
import { downloadText } from "../download.js";
import { Markdown } from "../markdown/markdown.js";
import { Badge, Id, Name, Time } from "../values.js";
import { html, useState } from "../view.js";
import { FileImage } from "./file_image.js";

const LONG_CHARACTERS = 65_536;
const HEAD_CHARACTERS = 16_384;

/**
 * @param {{message: import("../../api/pager.js").Row, author?: string, number?: number, href?: string, actions?: any,
 *   isGrowing?: boolean, isInner?: boolean, onCitation?: (file: string) => void, children?: any}} props `href` is the
 *   page of this place in the thread, `children` comes before the content: the tools of its run. An inner message is
 *   part of a run that has the author. `onCitation` opens the passages of a cited file
 */
export function Message({ message, author, number, href, actions, isGrowing = false, isInner = false, onCitation, children }) {
  const isUser = message.role === "user";
  return html`<article class="message is-${message.role}" aria-label=${author ?? t(`message.${message.role}`)}>
    <header class="message-head">
      ${!isInner && html`<strong><${Name} text=${author ?? t(`message.${message.role}`)} /></strong>`}
      ${message.created_at !== undefined && html`<a class="muted" href=${href}><${Time} at=${message.created_at} /></a>`}
      ${message.run_id && !isInner && html`<${Id} id=${message.run_id} parent=${message.thread_id} copy=${false} />`}
      ${message.status !== "completed" && message.status && html`<${Badge} state=${message.status} />`}
      <span class="message-actions">${number !== undefined && html`<span class="muted">#${number}</span>`}${actions}<${CopyButton} text=${() => textOf(message)} /></span>
    </header>
    ${children}
    ${message.content.map((/** @type {any} */ part, /** @type {number} */ index) => html`<${Part} key=${index} part=${part} isUser=${isUser} isGrowing=${isGrowing} onCitation=${onCitation} />`)}
    ${message.attachments?.length > 0 && html`<p class="inline muted">${message.attachments.map((/** @type {any} */ file) => html`<${Id} key=${file.file_id} id=${file.file_id} />`)}</p>`}
  </article>`;
}

/** The text of a message, as it is copied. @param {import("../../api/pager.js").Row} message */
export function textOf(message) {
  return message.content.map((/** @type {any} */ part) => part.text?.value ?? part.refusal ?? "").filter(Boolean).join("\n\n");
}

/** @param {{part: any, isUser: boolean, isGrowing: boolean, onCitation: ((file: string) => void) | undefined}} props */
function Part({ part, isUser, isGrowing, onCitation }) {
  if (part.type === "image_file") return html`<${FileImage} id=${part.image_file.file_id} />`;
  if (part.type === "image_url") return html`<p class="image-chip">${t("message.image-url")} · <bdi>${part.image_url.url.slice(0, 120)}</bdi></p>`;
  if (part.type === "refusal") return html`<p class="prose" dir="auto">${part.refusal}</p>`;
  const text = part.text?.value ?? "";
  return html`<${Text} text=${text} isPlain=${isUser} isGrowing=${isGrowing} />
    ${part.text?.annotations?.length > 0 && html`<${Citations} annotations=${part.text.annotations} onCitation=${onCitation} />`}`;
}

/** Text of a message; very long text is plain, and whole when the reader wants it. @param {{text: string, isPlain: boolean, isGrowing: boolean}} props */
function Text({ text, isPlain, isGrowing }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > LONG_CHARACTERS && !isGrowing;
  const visible = isLong && !isWhole ? text.slice(0, HEAD_CHARACTERS) : text;
  return html`${isPlain || (isLong && isWhole) ? html`<div class="prose" dir="auto">${visible}</div>` : html`<${Markdown} text=${visible} isGrowing=${isGrowing} />`}
    ${isLong && html`<div class="inline">${!isWhole && html`<${Button} onClick=${() => setWhole(true)}>${t("ui.show-all-characters", { count: text.length })}<//>`}
      <${Button} kind="quiet" icon="download" onClick=${() => downloadText(text, "message.md")}>${t("ui.download")}<//></div>`}`;
}

/** The files that an answer cites, each once with its marks. @param {{annotations: any[], onCitation: ((file: string) => void) | undefined}} props */
function Citations({ annotations, onCitation }) {
  /** @type {Map<string, string[]>} */
  const marks = new Map();
  for (const { text, file_citation: citation, file_path: path } of annotations) {
    const id = (citation ?? path)?.file_id;
    if (id) marks.set(id, [...(marks.get(id) ?? []), text]);
  }
  return html`<ul class="citations" aria-label=${t("message.citations")}>${[...marks].map(([id, texts]) => html`<li key=${id}><span class="muted">${[...new Set(texts)].slice(0, 3).join(" ")}</span> <${Id} id=${id} />
    ${onCitation && html`<${Button} kind="quiet" icon="quote" onClick=${() => onCitation(id)}>${t("message.passages")}<//>`}</li>`)}</ul>`;
}

/** The page of a message in its thread. @param {string} thread @param {string} message */
export function messageHref(thread, message) {
  return hrefOf(`threads/${thread}`, { at: message });
}
