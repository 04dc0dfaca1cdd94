/** Goes through the versions of a thread from one place on: `‹ 2/3 ›`. */
import { setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { html } from "../../ui/view.js";

/** Opens the version that is `step` places further. @param {import("../../lib/thread_forks.js").Fork} fork @param {number} step */
export function openVersion(fork, step) {
  const thread = fork.threads[fork.index + step];
  if (thread !== undefined) setQuery({ thread }, { replace: false });
}

/** @param {{fork: import("../../lib/thread_forks.js").Fork}} props */
export function ForkPager({ fork }) {
  const { threads, index } = fork;
  return html`<span class="fork" role="group" aria-label=${t("playground.versions")}>
    <${Button} kind="quiet" icon="chevron-left" label=${t("playground.version.previous")} shortcut="[" disabled=${index === 0} onClick=${() => openVersion(fork, -1)} />
    <span class="muted">${index + 1}/${threads.length}</span>
    <${Button} kind="quiet" icon="chevron-right" label=${t("playground.version.next")} shortcut="]" disabled=${index === threads.length - 1} onClick=${() => openVersion(fork, 1)} /></span>`;
}
