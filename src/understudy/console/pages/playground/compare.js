/** Two models side by side: one question, two answers, and what each took. Nothing of it is stored on the server. */
import { get } from "../../api/client.js";
import { route, setQuery } from "../../app/router.js";
import { useShortcuts } from "../../app/shortcuts.js";
import { costOf, lowestOf } from "../../lib/comparison.js";
import { EMPTY_RESPONSE_FORM, messageInput, responseBody } from "../../lib/response_request.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { ApiPreview } from "../../ui/api_preview.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { TextArea } from "../../ui/field.js";
import { Page } from "../../ui/page.js";
import { Segments } from "../../ui/segments.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";
import { CompareColumn } from "./compare_column.js";
import { Composer } from "./composer.js";
import { ModeTabs } from "./mode_tabs.js";
import { ModelAnswer } from "./model_answer.js";

export const style = "playground.css";
const PLACES = [0, 1];
const NOTHING = { firstDelta: null, total: null, tokens: null, cost: null };

export default function Compare() {
  const models = (route.value.query.get("models") ?? "").split(",");
  const draft = useDraft("playground/compare/message", /** @type {import("./composer.js").MessageDraft} */ ({ text: "", files: [] }));
  const instructions = useDraft("playground/compare/instructions", "");
  const [answers, setAnswers] = useState(/** @type {readonly ModelAnswer[]} */ ([]));
  const [isCodeOpen, setCodeOpen] = useState(false);
  const [sample, setSample] = useState(0);
  const pricing = usePricing(models);
  const running = useRef(answers);
  running.current = answers;
  useEffect(() => () => running.current.forEach((answer) => answer.stop()), []);
  const input = messageInput(draft.value.text, draft.value.files);
  const bodyOf = (/** @type {string | undefined} */ model) => responseBody({ ...EMPTY_RESPONSE_FORM, model: model ?? "", instructions: instructions.value }, input, {});
  const send = () => setAnswers(PLACES.map((place) => new ModelAnswer(bodyOf(models[place]))));
  const isBusy = answers.some((answer) => answer.state.value.isBusy);
  useEffect(() => {
    if (answers.length && !isBusy) announce(t("playground.compare.done"));
  }, [isBusy]);
  const figures = PLACES.map((place) => figuresOf(answers[place]?.state.value, pricing[models[place] ?? ""]));
  const isBest = (/** @type {keyof typeof NOTHING} */ name, /** @type {number} */ place) => !isBusy && lowestOf(figures.map((one) => one[name])) === place;
  useShortcuts([
    { key: "i", label: t("playground.write"), run: () => document.getElementById("composer")?.focus() },
    { key: ".", label: t("ui.api-preview"), run: () => setCodeOpen(true) },
  ]);
  const hint = PLACES.every((place) => models[place]) ? null : t("playground.compare.no-models");
  const setModel = (/** @type {number} */ place, /** @type {string} */ model) => setQuery({ models: PLACES.map((one) => (one === place ? model : models[one] ?? "")).join(",") });
  const actions = html`<${Button} icon="code" label=${t("ui.api-preview")} shortcut="." onClick=${() => setCodeOpen(true)} />`;
  return html`<${Page} title=${t("playground.title")} actions=${actions} tabs=${html`<${ModeTabs} />`} flush=${true}>
    <div class="playground-main is-alone">
      <div class="compare">
        <div class="compare-settings"><${TextArea} label=${t("playground.field.instructions")} rows=${2} value=${instructions.value} onInput=${instructions.set} /></div>
        <div class="compare-columns">${PLACES.map((place) => html`<${CompareColumn} key=${place} label=${t("playground.compare.model", { number: place + 1 })} model=${models[place] ?? ""} answer=${answers[place] ?? null}
          figures=${figures[place]} best=${{ firstDelta: isBest("firstDelta", place), total: isBest("total", place), tokens: isBest("tokens", place), cost: isBest("cost", place) }}
          onModel=${(/** @type {string} */ model) => setModel(place, model)} />`)}</div></div>
      <${Composer} path="/responses" draft=${draft} tools=${null} hint=${hint} isBusy=${isBusy} isStopping=${false} isSending=${false} error=${null} onSend=${send} onStop=${() => answers.forEach((answer) => answer.stop())} />
    </div>
    ${isCodeOpen && html`<${Dialog} kind="wide" title=${t("ui.api-preview")} onClose=${() => setCodeOpen(false)}><div class="stack">
      <${Segments} label=${t("playground.field.model")} value=${String(sample)} options=${PLACES.map((place) => ({ value: String(place), label: models[place] || t("playground.compare.model", { number: place + 1 }) }))} onChange=${(/** @type {string} */ place) => setSample(Number(place))} />
      <${ApiPreview} call=${{ method: "POST", path: "/responses", body: { ...bodyOf(models[sample]), stream: true, store: false } }} /></div><//>`}
  <//>`;
}

/** @param {import("./model_answer.js").AnswerState | undefined} answer @param {any} pricing */
function figuresOf(answer, pricing) {
  const usage = answer?.state.response.usage;
  return answer ? { firstDelta: roundTime(answer.firstDelta), total: roundTime(answer.total), tokens: usage?.output_tokens ?? null, cost: costOf(pricing, usage) } : NOTHING;
}

/** What differs by less than a reader sees is the same. @param {number | null} milliseconds */
const roundTime = (milliseconds) => (milliseconds === null ? null : milliseconds < 1_000 ? Math.round(milliseconds) : Math.round(milliseconds / 10) * 10);

/** The prices of models by their id; those of unknown models are missing. @param {readonly string[]} models @returns {Record<string, any>} */
function usePricing(models) {
  const [pricing, setPricing] = useState(/** @type {Record<string, any>} */ ({}));
  useEffect(() => {
    get("/models", { details: "true" }).then((page) => setPricing(Object.fromEntries(page.data.map((/** @type {any} */ model) => [model.id, model.pricing]))), () => undefined);
  }, []);
  return Object.fromEntries(models.map((model) => [model, pricing[model]]));
}
