import { useShortcuts } from "../../app/shortcuts.js";
import { t } from "../../text/texts.js";
import { ReadOnlyNote, useMissingScope } from "../../ui/access.js";
import { Button } from "../../ui/button.js";
import { Icon } from "../../ui/icon.js";
import { TransferList } from "../../ui/transfer/transfer_list.js";
import { useDrop } from "../../ui/upload/drop.js";
import { html, useState } from "../../ui/view.js";
import { ImportForm } from "./import_form.js";
import { IMPORTS } from "./noun.js";

export const style = "imports.css";

export const texts = ["transfers"];

export default function ImportList() {
  const [form, setForm] = useState(/** @type {{file: File | null} | null} */ (null));
  const open = () => setForm({ file: null });
  const missingScope = useMissingScope("/imports");
  const canImport = missingScope === null;
  const isDragged = useDrop(([file]) => file && canImport && !form && setForm({ file }));
  useShortcuts(!canImport ? [] : [{ key: "c", label: t("imports.create"), run: open }]);
  const button = (/** @type {"primary" | "plain"} */ kind) => canImport && html`<${Button} kind=${kind} icon="import" shortcut="c" onClick=${open}>${t("imports.create")}<//>`;
  return html`<${TransferList} noun=${IMPORTS} type="import" actions=${button("primary")} emptyActions=${button("plain")}>
    <${ReadOnlyNote} scope=${missingScope} />${isDragged && canImport && html`<div class="drop-cover" aria-hidden="true"><${Icon} name="import" size=${24} /><span>${t("imports.drop")}</span></div>`}
    ${form && html`<${ImportForm} file=${form.file} onClose=${() => setForm(null)} />`}<//>`;
}
