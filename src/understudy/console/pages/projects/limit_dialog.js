import { post } from "../../api/client.js";
import { toCredits, toDollars } from "../../lib/credits.js";
import { t } from "../../text/texts.js";
import { Select, TextField } from "../../ui/field.js";
import { RequestDialog } from "../../ui/request_dialog.js";
import { html, useState } from "../../ui/view.js";

const PERIODS = ["month", "week", "day", "no_reset"];

/**
 * Limits the spending of a project, or of one of its keys.
 *
 * @param {{path: string, limit: {credits: number, period: string} | null, body?: object, onClose: () => void, onDone: (credits: any) => void}} props
 *   `body` is part of the request
 */
export function LimitDialog({ path, limit, body = {}, onClose, onDone }) {
  const [amount, setAmount] = useState(limit ? String(toDollars(limit.credits)) : "");
  const [period, setPeriod] = useState(limit?.period ?? "month");
  const run = async () => onDone(await post(path, { ...body, credits: toCredits(Number(amount)), period }));
  return html`<${RequestDialog} title=${t("projects.set-limit")} action=${t("projects.set-limit")} isReady=${Number(amount) > 0} run=${run} done=${t("projects.set-limit.done")} onClose=${onClose}>
    <${TextField} label=${t("projects.amount")} hint=${t("projects.amount.limit-hint")} type="number" step="any" min="0" value=${amount} onInput=${setAmount} required />
    <${Select} label=${t("projects.period")} value=${period} onInput=${setPeriod} options=${PERIODS.map((value) => ({ value, label: t(`projects.period.${value}`) }))} /><//>`;
}
