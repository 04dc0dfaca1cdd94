import { post } from "../../api/client.js";
import { toCredits } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { Select, TextField } from "../../ui/field.js";
import { RequestDialog } from "../../ui/request_dialog.js";
import { html, useState } from "../../ui/view.js";

const TYPES = ["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT"];

/** Adds credits to a balance. @param {{path: string, onClose: () => void, onDone: (credits: any) => void}} props */
export function GrantDialog({ path, onClose, onDone }) {
  const [amount, setAmount] = useState("");
  const [type, setType] = useState("PAYMENT");
  const [note, setNote] = useState("");
  const run = async () => onDone(await post(path, { credits: toCredits(Number(amount)), type, ...(note.trim() ? { note: note.trim() } : {}) }));
  return html`<${RequestDialog} title=${t("projects.grant")} action=${t("projects.grant")} isReady=${amount !== "" && Number(amount) !== 0} run=${run} done=${t("projects.grant.done")} onClose=${onClose}>
    <p>${t("projects.grant.text")}</p>
    <${TextField} label=${t("projects.amount")} hint=${t("projects.amount.grant-hint")} type="number" step="any" value=${amount} onInput=${setAmount} required />
    <${Select} label=${t("projects.grant.type")} value=${type} onInput=${setType} options=${TYPES.map((value) => ({ value, label: t(`projects.grant.type.${value}`) }))} />
    <${TextField} label=${t("projects.grant.note")} value=${note} onInput=${setNote} /><//>`;
}
