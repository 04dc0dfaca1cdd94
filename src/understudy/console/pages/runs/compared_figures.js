import { formatDuration, formatMoney, formatNumber } from "../../lib/format.js";
import { runFigures } from "../../lib/run_settings.js";
import { currentLocale } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Badge, Id, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @type {Record<string, (value: number | null, language: string) => string>} */
const FORMATS = { duration: formatDuration, "first-delta": formatDuration, input: formatNumber, output: formatNumber, cost: formatMoney };

/** The figures of both runs, and how the second differs from the first. @param {{records: readonly import("./compared_run.js").RunRecord[]}} props */
export function ComparedFigures({ records }) {
  const language = currentLocale();
  const figures = records.map((record) => /** @type {Record<string, number | null>} */ (runFigures(record.run, record.trace)));
  return html`<div class="table-frame"><table class="figures is-wide compared">
    <thead><tr><th scope="col"><span class="visually-hidden">${t("runs.compare.figure")}</span></th>
      ${records.map(({ run }, index) => html`<th scope="col" class="number" key=${index}><span class="compared-head"><b>${"AB"[index]}</b><${Id} id=${run.id} parent=${run.thread_id} copy=${false} /></span></th>`)}
      <th scope="col" class="number priority-2">${t("runs.compare.difference")}</th></tr></thead>
    <tbody><tr><th scope="row">${t("runs.figure.status")}</th>${records.map(({ run }, index) => html`<td class="number" key=${index}><${Badge} state=${run.status} /></td>`)}<td class="priority-2"></td></tr>
      <tr><th scope="row">${t("runs.figure.created")}</th>${records.map(({ run }, index) => html`<td class="number" key=${index}><${Time} at=${run.created_at} /></td>`)}<td class="priority-2"></td></tr>
      ${Object.entries(FORMATS).map(([name, format]) => html`<tr key=${name}><th scope="row">${t(`runs.compare.${name}`)}</th>
      ${figures.map((one, index) => html`<td class="number" key=${index}>${format(one[name] ?? null, language)}</td>`)}
      <td class="number muted priority-2">${differenceOf(figures[0]?.[name] ?? null, figures[1]?.[name] ?? null, language)}</td></tr>`)}</tbody></table></div>`;
}

/** The change from one value to the other in percent. @param {number | null} a @param {number | null} b @param {string} language */
function differenceOf(a, b, language) {
  if (a === null || b === null) return "—";
  if (a === b) return "=";
  if (a === 0) return "";
  return new Intl.NumberFormat(language, { style: "percent", signDisplay: "always", maximumFractionDigits: 0 }).format((b - a) / a);
}
