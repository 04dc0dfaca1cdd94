import { ApiError } from "../api/client.js";
import { hasText, t } from "../text/texts.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy_button.js";
import { Icon } from "./icon.js";
import { html } from "./view.js";

/**
 * What failed, what to do next, and the request id to copy.
 *
 * @param {{error: unknown, onRetry?: () => void, title?: string}} props
 */
export function ErrorNote({ error, onRetry, title }) {
  const { message, advice, requestId } = describeError(error);
  return html`<div class="note is-error" role="alert">
    <${Icon} name="circle-alert" />
    <div class="note-text">
      ${title && html`<strong>${title}</strong>`}
      <p dir="auto">${message}</p>
      ${advice && html`<p class="muted">${advice}</p>`}
      ${requestId && html`<p class="muted inline"><span class="mono">${requestId}</span><${CopyButton} text=${requestId} label=${t("ui.copy-request-id")} /></p>`}
    </div>
    ${onRetry && html`<${Button} icon="rotate-cw" onClick=${onRetry}>${t("ui.retry")}<//>`}
  </div>`;
}

/** @param {unknown} error */
export function describeError(error) {
  if (!(error instanceof ApiError)) {
    return { message: t("error.unexpected", { detail: String(error) }), advice: t("error.unexpected.advice"), requestId: null };
  }
  const advice = [`error.${error.code}.advice`, `error.${error.status}.advice`].find(hasText);
  const wait = error.retryAfter ? t("error.retry-after", { seconds: error.retryAfter }) : "";
  return { message: error.message, advice: [advice && t(advice), wait].filter(Boolean).join(" "), requestId: error.requestId };
}
