/** One message of a thread: its author, time and run, and its content as text, Markdown, figures and citations. */
import { hrefOf } from "../../app/router.js";
import { numberCitations } from "../../lib/citations.js";
import { t } from "../../text/texts.js";
import { Button } from "../button.js";
import { CopyButton } from "../copy_button.js";
import { downloadText } from "../download.js";
import { Markdown } from "../markdown/markdown.js";
import { Badge, Id, Name, Time } from "../values.js";
import { html, useState } from "../view.js";
import { FileImage, UrlImage } from "./file_image.js";

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
      ${!isInner && html`<h3><${Name} text=${author ?? t(`message.${message.role}`)} /></h3>`}
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
  if (part.type === "image_url") return html`<${UrlImage} url=${part.image_url.url} />`;
  if (part.type === "refusal") return html`<p class="prose" dir="auto">${part.refusal}</p>`;
  const annotations = part.text?.annotations ?? [];
  const { text, sources } = numberCitations(part.text?.value ?? "", annotations);
  return html`<${Text} text=${text} isPlain=${isUser} isGrowing=${isGrowing} />
    ${annotations.length > 0 && html`<${Citations} sources=${sources} annotations=${annotations} onCitation=${onCitation} />`}`;
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

/**
 * The files that an answer cites, with their numbers, and those that its code has made.
 *
 * @param {{sources: readonly import("../../lib/citations.js").Source[], annotations: readonly any[],
 *   onCitation: ((file: string) => void) | undefined}} props
 */
function Citations({ sources, annotations, onCitation }) {
  const paths = [...new Set(annotations.map((one) => one.file_path?.file_id).filter(Boolean))];
  return html`<ul class="citations" aria-label=${t("message.citations")}>
    ${sources.map((source) => html`<li key=${source.id}><span class="muted">[${source.number}]</span> ${source.name && html`<${Name} text=${source.name} />`} <${Id} id=${source.id} copy=${false} />
      ${onCitation && html`<${Button} kind="quiet" icon="quote" onClick=${() => onCitation(source.id)}>${t("message.passages")}<//>`}</li>`)}
    ${paths.map((id) => html`<li key=${id}><${Id} id=${id} /></li>`)}</ul>`;
}

/** The page of a message in its thread. @param {string} thread @param {string} message */
export function messageHref(thread, message) {
  return hrefOf(`threads/${thread}`, { at: message });
}
