import { get, post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { Button } from "../../ui/button.js";
import { Icon } from "../../ui/icon.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { useProjectEvents } from "../../ui/project_events.js";
import { Refresh } from "../../ui/refresh.js";
import { html } from "../../ui/view.js";
import { BATCHES, errorsOf } from "./noun.js";

export const style = "batches.css";

const ACTIVE = new Set(["validating", "in_progress", "finalizing"]);

/** @param {{params: {id: string}}} props */
export default function BatchDetail({ params }) {
  const path = `/batches/${encodeURIComponent(params.id)}`;
  const actions = (/** @type {any} */ row, /** @type {(row: any) => void} */ set) => html`<${Follow} path=${path} row=${row} set=${set} />
    ${row.output_file_id && html`<${Button} icon="file-text" href="files/${row.output_file_id}">${t("batches.output")}<//>`}
    ${ACTIVE.has(row.status) && html`<${ActionButton} icon="circle-stop" run=${async () => set(await post(`${path}/cancel`))}>${t("batches.cancel")}<//>`}`;
  return html`<${NounDetail} noun=${BATCHES} id=${params.id} actions=${actions}>${(/** @type {any} */ row) => html`<${Errors} row=${row} />`}<//>`;
}

/** Its changes of state are events, those of its counts are not. @param {{path: string, row: any, set: (row: any) => void}} props */
function Follow({ path, row, set }) {
  useProjectEvents("batch", (change) => (change === null || change.id === row.id) && get(path).then(set, () => undefined));
  return html`<${Refresh} path=${path} isActive=${ACTIVE.has(row.status) || row.status === "cancelling"} set=${set} />`;
}

/** @param {{row: any}} props */
function Errors({ row }) {
  const errors = errorsOf(row);
  return errors.length > 0 && html`<div class="note is-error" role="alert"><${Icon} name="circle-alert" /><div class="note-text"><strong>${t("batches.errors")}</strong>
    <ul>${errors.map((/** @type {string} */ one) => html`<li dir="auto">${one}</li>`)}</ul></div></div>`;
}
