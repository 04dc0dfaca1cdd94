import { hasText, t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { Button } from "../../ui/button.js";
import { Icon } from "../../ui/icon.js";
import { html } from "../../ui/view.js";
import { changeInPlayground, runAgain } from "./run_actions.js";

/** Failures that a second run can avoid; the others need a change. */
const PASSING = new Set(["rate_limit_exceeded", "server_error", "expired"]);

/** Why a run did not complete, and what to do. @param {{run: any}} props */
export function RunFailure({ run }) {
  const code = run.last_error?.code ?? run.incomplete_details?.reason ?? (run.status === "expired" ? "expired" : null);
  if (!code) return null;
  const key = `failures.${code}`;
  return html`<div class="note is-error"><${Icon} name="circle-alert" /><div class="note-text">
    <strong>${t(hasText(`${key}.title`) ? `${key}.title` : "failures.title")}</strong> <span class="muted mono">${code}</span>
    ${run.last_error && html`<p dir="auto">${run.last_error.message}</p>`}
    ${hasText(key) && html`<p class="muted">${t(key)}</p>`}
    <div class="inline run-remedies">${PASSING.has(code)
      ? html`<${ActionButton} icon="rotate-cw" run=${() => runAgain(run)}>${t("runs.again")}<//>`
      : html`<${ActionButton} icon="pencil" run=${() => changeInPlayground(run)}>${t("runs.change")}<//>`}
      ${code === "server_error" && html`<${Button} kind="quiet" icon="heart-pulse" href="health">${t("nav.health")}<//>`}</div></div></div>`;
}
