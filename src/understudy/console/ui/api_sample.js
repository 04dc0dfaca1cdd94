import { baseOf } from "../api/client.js";
import { keyVariable, renderSample, SAMPLE_LANGUAGES } from "../lib/code_samples.js";
import { changeSettings, settings } from "../state/settings.js";
import { t } from "../text/texts.js";
import { CodeBlock } from "./code_block.js";
import { html } from "./view.js";

/** @type {Record<string, string>} */
const NAMES = { curl: "curl", python: "Python", node: "Node" };

/** A call of the API as a program, in the reader's language. @param {{call: import("../lib/code_samples.js").Call}} props */
export function ApiSample({ call }) {
  const language = settings.value.samples;
  return html`<div class="stack-small">
    <div class="segments" role="group" aria-label=${t("ui.sample-language")}>${SAMPLE_LANGUAGES.map((name) => html`<button key=${name} type="button" aria-pressed=${name === language} onClick=${() => changeSettings({ samples: name })}>${NAMES[name]}</button>`)}</div>
    <${CodeBlock} code=${renderSample(language, call, baseOf(call.path))} language=${language} label="${call.method} ${call.path}" />
    <p class="muted">${t("ui.sample-key", { variable: keyVariable(call) })}</p>
  </div>`;
}
