import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { Select } from "../../ui/field.js";
import { RequestDialog } from "../../ui/request_dialog.js";
import { html, useState } from "../../ui/view.js";

/** How long the old secret stays valid, in seconds. */
const OVERLAPS = { none: 0, hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 };

/** @param {{path: string, name: string, onClose: () => void, onDone: (key: any) => void}} props */
export function RotateDialog({ path, name, onClose, onDone }) {
  const [overlap, setOverlap] = useState(/** @type {keyof typeof OVERLAPS} */ ("day"));
  const run = async () => onDone(await post(path, { overlap_seconds: OVERLAPS[overlap] }));
  return html`<${RequestDialog} title=${t("keys.rotate.title", { name })} action=${t("keys.rotate")} run=${run} done=${t("keys.rotate.done")} onClose=${onClose}>
    <p>${t("keys.rotate.text")}</p>
    <${Select} label=${t("keys.overlap")} value=${overlap} onInput=${setOverlap} options=${Object.keys(OVERLAPS).map((value) => ({ value, label: t(`keys.overlap.${value}`) }))} /><//>`;
}
