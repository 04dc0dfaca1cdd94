import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { ActionButton } from "../../ui/action_button.js";
import { Button } from "../../ui/button.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { RESPONSES } from "./noun.js";
import { ResponseItems } from "./response_items.js";
import { ResponseTrace } from "./response_trace.js";

/** @param {{params: {id: string}}} props */
export default function ResponseDetail({ params }) {
  const path = `/responses/${encodeURIComponent(params.id)}`;
  const isOpen = (/** @type {any} */ row) => row.background && (row.status === "queued" || row.status === "in_progress");
  const actions = (/** @type {any} */ row, /** @type {(row: any) => void} */ set) => html`${isOpen(row) && html`<${ActionButton} icon="circle-stop" run=${async () => set(await post(`${path}/cancel`))}>${t("responses.cancel")}<//>`}
    <${Button} icon="flask-conical" href="playground/responses?response=${params.id}">${t("responses.playground")}<//>`;
  const items = { name: "items", label: t("responses.items"), view: (/** @type {any} */ row, /** @type {() => void} */ reload) => html`<${ResponseItems} path=${path} response=${row} reload=${reload} />` };
  const trace = { name: "timeline", label: t("responses.timeline"), view: (/** @type {any} */ row) => html`<${ResponseTrace} path=${path} status=${row.status} />` };
  return html`<${NounDetail} noun=${RESPONSES} id=${params.id} firstTab=${items} tabs=${[trace]} actions=${actions} />`;
}
