/** Goes through the versions of a thread from one place on: `‹ 2/3 ›`. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { html } from "../../ui/view.js";

/**
 * @param {{fork: import("../../lib/thread_forks.js").Fork, onOpen: (thread: string) => void}} props `onOpen` shows another
 *   version
 */
export function ForkPager({ fork, onOpen }) {
  const { threads, index } = fork;
  const open = (/** @type {number} */ step) => onOpen(threads[index + step] ?? "");
  return html`<span class="fork" role="group" aria-label=${t("playground.versions")}>
    <${Button} kind="quiet" icon="chevron-left" label=${t("playground.version.previous")} shortcut="[" disabled=${index === 0} onClick=${() => open(-1)} />
    <span class="muted">${index + 1}/${threads.length}</span>
    <${Button} kind="quiet" icon="chevron-right" label=${t("playground.version.next")} shortcut="]" disabled=${index === threads.length - 1} onClick=${() => open(1)} /></span>`;
}
