/** A call of web search: its queries or its page, and the results as links. Whatever they hold is of strangers. */
import { judgeLink } from "../../lib/links.js";
import { t } from "../../text/texts.js";
import { html } from "../view.js";

/** In one line: what was searched for, opened or found. @param {{action: any, results: readonly any[]}} call */
export function summarizeWebCall({ action, results }) {
  if (action.type !== "open_page" && action.type !== "find_in_page") return [(action.queries ?? [action.query ?? ""]).join(" · "), results.length ? t("message.results", { count: results.length }) : ""].filter(Boolean).join(" — ");
  return t(`message.web.${action.type}`, { url: action.url ?? "", pattern: action.pattern ?? "" });
}

/** @param {{call: {action: any, results: readonly any[]}, isRunning: boolean}} props */
export function WebCall({ call, isRunning }) {
  const { results } = call;
  if (!results.length) return html`<p class="muted">${t(isRunning ? "message.searching" : "message.no-results")}</p>`;
  return html`<ol class="web-results">${results.map((result) => html`<li key=${result.url}><${WebLink} url=${result.url} title=${result.title} />
    ${result.text && html`<p class="muted" dir="auto">${result.text}</p>`}</li>`)}</ol>`;
}

/** Only pages of the web are links. @param {{url: string, title?: string}} props */
function WebLink({ url, title }) {
  const link = judgeLink(url, "", location.origin);
  if (link === null) return html`<bdi>${title || url}</bdi>`;
  return html`<a href=${link.href} target="_blank" rel="noopener noreferrer nofollow" title=${link.href}><bdi>${title || link.href}</bdi></a> <span class="muted">${link.host}</span>`;
}
