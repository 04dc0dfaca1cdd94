import { useRef, useState, html } from "../../ui/view.js";
import { route } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { DropHint, useUploadArea } from "../../ui/upload/upload_area.js";
import { FILES, UPLOAD_PURPOSES } from "./noun.js";

export default function FileList() {
  const filter = route.value.query.get("purpose") ?? "";
  const [chosen, setChosen] = useState("assistants");
  const purpose = UPLOAD_PURPOSES.includes(filter) ? filter : chosen;
  const pager = useRef(/** @type {import("../../api/pager.js").Pager | null} */ (null));
  const upload = useUploadArea({ purpose, onUploaded: () => pager.current?.reload() });
  const select = html`<select class="input is-inline" aria-label=${t("files.upload-purpose")} title=${t("files.upload-purpose")} value=${purpose} disabled=${purpose === filter}
    onChange=${(/** @type {any} */ event) => setChosen(event.currentTarget.value)}>${UPLOAD_PURPOSES.map((one) => html`<option key=${one} value=${one} selected=${one === purpose}>${t("files.for", { purpose: one })}</option>`)}</select>`;
  return html`<${NounList} noun=${FILES} actions=${upload.button && html`${select}${upload.button}`} emptyActions=${upload.button && html`<${DropHint} />`} onPager=${(/** @type {any} */ one) => { pager.current = one; }}>${upload.list}<//>`;
}
