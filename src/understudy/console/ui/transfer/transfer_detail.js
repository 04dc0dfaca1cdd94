/** The page of an import, export or deletion, which follows it to its end. */
import { get, post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../action_button.js";
import { Icon } from "../icon.js";
import { NounDetail } from "../noun/noun_detail.js";
import { useProjectEvents } from "../project_events.js";
import { Refresh } from "../refresh.js";
import { html } from "../view.js";
import { isActive } from "./transfer_progress.js";

/**
 * @param {{noun: import("../noun/noun.js").Noun, type: "import" | "export" | "deletion", id: string, actions?: (row: any) => any,
 *   children?: (row: any) => any}} props `type` is that of the events, `children` is what the transfer has done
 */
export function TransferDetail({ noun, type, id, actions, children }) {
  const path = `${noun.path}/${encodeURIComponent(id)}`;
  const buttons = (/** @type {any} */ row, /** @type {(row: any) => void} */ set) => html`<${Follow} path=${path} type=${type} row=${row} set=${set} />${actions?.(row)}
    ${isActive(row) && row.status !== "cancelling" && html`<${ActionButton} icon="circle-stop" run=${async () => set(await post(`${path}/cancel`))}>${t("ui.cancel")}<//>`}`;
  return html`<${NounDetail} noun=${noun} id=${id} actions=${buttons}>${(/** @type {any} */ row) => html`<${Failure} type=${type} error=${row.error} />${children?.(row)}`}<//>`;
}

/** Its changes of state are events, its progress is not. @param {{path: string, type: string, row: any, set: (row: any) => void}} props */
function Follow({ path, type, row, set }) {
  useProjectEvents(type, (change) => (change === null || change.id === row.id) && get(path).then(set, () => undefined));
  return html`<${Refresh} path=${path} isActive=${isActive(row)} set=${set} />`;
}

/** @param {{type: string, error: {message: string} | null}} props */
function Failure({ type, error }) {
  return error && html`<div class="note is-error" role="alert"><${Icon} name="circle-alert" /><div class="note-text"><strong>${t(`transfers.failed.${type}`)}</strong><p dir="auto">${error.message}</p></div></div>`;
}

/** When a transfer ended, in Unix seconds; null before. @param {any} row @returns {number | null} */
export const endOf = (row) => row.completed_at ?? row.failed_at ?? row.cancelled_at;
