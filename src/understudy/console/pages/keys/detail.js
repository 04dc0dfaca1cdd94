/** One API key of a project: what it may do, its secret once, and its rotation. */
import { t } from "../../text/texts.js";
import { auditItem } from "../../ui/audit_item.js";
import { Icon } from "../../ui/icon.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { revealSecret, SecretOnce } from "../../ui/secret_once.js";
import { Sentence } from "../../ui/sentence.js";
import { Time } from "../../ui/values.js";
import { html, useMemo, useState } from "../../ui/view.js";
import { LimitTable } from "../limits/limit_table.js";
import { keysOf } from "./noun.js";
import { KeySpending } from "./key_spending.js";
import { RotateDialog } from "./rotate_dialog.js";

export const style = "keys.css";
export const texts = ["limits", "projects"];

/** @param {{params: {project: string, id: string}}} props */
export default function KeyDetail({ params: { project, id } }) {
  const noun = useMemo(() => keysOf(project), [project]);
  const [rotated, setRotated] = useState(/** @type {{row: any, set: (row: any) => void} | null} */ (null));
  const menu = (/** @type {any} */ row, /** @type {any} */ set) => [{ label: t("keys.rotate"), icon: "rotate-cw", run: () => setRotated({ row, set }) }, auditItem("resource", id)];
  const finish = (/** @type {any} */ { value, ...row }) => {
    revealSecret(id, value);
    rotated?.set(row);
  };
  const limits = { name: "limits", label: t("limits.title"), view: () => html`<${LimitTable} path="${noun.path}/${encodeURIComponent(id)}/limits" title=${t("limits.key")} canChange=${true} /><${KeySpending} project=${project} id=${id} />` };
  return html`<${NounDetail} noun=${noun} id=${id} menu=${menu} tabs=${[limits]}>${(/** @type {any} */ row) => html`
    <${SecretOnce} id=${id} label=${t("keys.secret")} text=${t("keys.secret-once")} />
    <${OldSecret} row=${row} />
    ${rotated && html`<${RotateDialog} path="${noun.path}/${encodeURIComponent(id)}/rotate" name=${rotated.row.name} onClose=${() => setRotated(null)} onDone=${finish} />`}`}<//>`;
}

/** The secret before a rotation, while it is valid. @param {{row: any}} props */
function OldSecret({ row }) {
  if (row.old_secret_expires_at === undefined) return null;
  const used = row.old_secret_last_used_at ?? null;
  return html`<div class="note"><${Icon} name="clock" /><div class="note-text"><p><${Sentence} text=${t("keys.old-secret")} time=${html`<${Time} at=${row.old_secret_expires_at} full=${true} />`} /></p>
    <p class="muted">${used === null ? t("keys.old-secret.unused") : html`<${Sentence} text=${t("keys.old-secret.used")} time=${html`<${Time} at=${used} full=${true} />`} />`}</p></div></div>`;
}
