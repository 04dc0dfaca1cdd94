import { route, setQuery } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { Markdown } from "../../ui/markdown/markdown.js";
import { textOf } from "../../ui/message/message.js";
import { Segments } from "../../ui/segments.js";
import { html } from "../../ui/view.js";
import { TextDiff } from "./text_diff.js";

/** What both runs wrote: beside each other, or word by word. @param {{records: readonly import("./compared_run.js").RunRecord[]}} props */
export function ComparedOutput({ records }) {
  const texts = records.map(({ messages }) => messages.map(textOf).filter(Boolean).join("\n\n"));
  const view = route.value.query.get("output") === "words" ? "words" : "both";
  const options = [{ value: "both", label: t("runs.compare.side-by-side") }, { value: "words", label: t("runs.compare.words") }];
  return html`<section class="stack-small"><div class="inline"><h2>${t("runs.output")}</h2><span class="spring"></span>
      <${Segments} label=${t("runs.output")} value=${view} options=${options} onChange=${(/** @type {string} */ next) => setQuery({ output: next === "both" ? null : next })} /></div>
    ${view === "words"
      ? html`<${TextDiff} before=${texts[0] ?? ""} after=${texts[1] ?? ""} />`
      : html`<div class="compared-columns">${texts.map((text, index) => html`<article key=${index} aria-label=${"AB"[index]}><b class="muted">${"AB"[index]}</b>${text ? html`<${Markdown} text=${text} />` : html`<p class="muted">${t("runs.compare.no-output")}</p>`}</article>`)}</div>`}
  </section>`;
}
