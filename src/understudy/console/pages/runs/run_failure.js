import { hasText, t } from "../../text/texts.js";
import { Icon } from "../../ui/icon.js";
import { html } from "../../ui/view.js";

/** Why a run did not complete, and what to do. @param {{run: any}} props */
export function RunFailure({ run }) {
  const code = run.last_error?.code ?? run.incomplete_details?.reason ?? (run.status === "expired" ? "expired" : null);
  if (!code) return null;
  const key = `runs.failure.${code}`;
  return html`<div class="note is-error"><${Icon} name="circle-alert" /><div class="note-text">
    <strong class="mono">${code}</strong>
    ${run.last_error && html`<p dir="auto">${run.last_error.message}</p>`}
    ${hasText(key) && html`<p class="muted">${t(key)}</p>`}</div></div>`;
}
