/** A model and its answer, with what it took. */
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Icon } from "../../ui/icon.js";
import { Item, toMessage } from "../../ui/message/item.js";
import { Message } from "../../ui/message/message.js";
import { ModelField } from "../../ui/model_field.js";
import { Badge, Count, Duration, Money } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @typedef {{firstDelta: number | null, total: number | null, tokens: number | null, cost: number | null}} Figures */

/**
 * @param {{label: string, model: string, onModel: (model: string) => void, answer: import("./model_answer.js").ModelAnswer | null,
 *   figures: Figures, best: Record<keyof Figures, boolean>}} props `best` are the figures that are lower than the other model's
 */
export function CompareColumn({ label, model, onModel, answer, figures, best }) {
  const current = answer?.state.value ?? null;
  const status = current?.state.response.status ?? null;
  const usage = current?.state.response.usage;
  return html`<section class="compare-column" aria-label=${label}><h2 class="visually-hidden">${label}</h2>
    <${ModelField} label=${label} value=${model} onInput=${onModel} required=${true} />
    <dl class="figures">
      <${Figure} name=${t("playground.compare.first-delta")} isBest=${best.firstDelta}><${Duration} milliseconds=${figures.firstDelta} /><//>
      <${Figure} name=${t("playground.compare.total")} isBest=${best.total}><${Duration} milliseconds=${figures.total} /><//>
      <${Figure} name=${t("playground.compare.tokens")} isBest=${best.tokens}>${usage ? html`<${Count} value=${usage.input_tokens} /> → <${Count} value=${usage.output_tokens} />` : "—"}<//>
      <${Figure} name=${t("playground.compare.cost")} isBest=${best.cost}><${Money} dollars=${figures.cost} /><//></dl>
    <div class="compare-answer" role="log" aria-live="off" aria-label=${t("playground.compare.answer", { model: model || label })} tabindex="0"><h3 class="visually-hidden">${t("playground.compare.answer", { model: model || label })}</h3>
      ${current?.isBusy && !current.state.items.length && html`<p class="muted inline"><${Icon} name="loader-circle" class="is-spinning" />${t("playground.waiting")}</p>`}
      ${current?.state.items.filter(Boolean).map((item) => (item.type === "message"
        ? html`<${Message} key=${item.id} message=${toMessage(item)} isInner=${true} isGrowing=${current.isBusy} />` : html`<${Item} key=${item.id} item=${item} />`))}
      ${status && status !== "completed" && !current?.isBusy && html`<${Badge} state=${status === "in_progress" ? "cancelled" : status} />`}
      ${current?.state.response.error && html`<p class="field-error" dir="auto">${current.state.response.error.message}</p>`}
      ${current?.error && html`<${ErrorNote} error=${current.error} />`}
      ${!current && html`<p class="muted">${t("playground.compare.empty")}</p>`}</div>
  </section>`;
}

/** @param {{name: string, isBest: boolean, children?: any}} props */
function Figure({ name, isBest, children }) {
  return html`<div class=${isBest ? "is-best" : ""}><dt>${name}</dt><dd>${children}${isBest && html` <${Icon} name="check" size=${14} /><span class="visually-hidden">${t("playground.compare.best")}</span>`}</dd></div>`;
}
