/** The first step: the embedded model, or the models of providers. */
import { ActionButton } from "../../ui/action_button.js";
import { t } from "../../text/texts.js";
import { CodeBlock } from "../../ui/code_block.js";
import { ProviderTest } from "../../ui/provider_test.js";
import { Segments } from "../../ui/segments.js";
import { html, useState } from "../../ui/view.js";
import { WithCode } from "../../ui/with_code.js";
import { More, Step } from "./step.js";

export const EMBEDDED = "rehearsal";
/** How the server is started with each kind of provider. @type {Record<string, string>} */
const PROVIDERS = {
  OpenAI: "OPENAI_API_KEY=sk-… understudy serve",
  Anthropic: "ANTHROPIC_API_KEY=sk-ant-… understudy serve",
  Ollama: "OLLAMA_HOST=127.0.0.1:11434 understudy serve",
  other: "# understudy.toml\n[providers.local]\nbase_url = \"http://127.0.0.1:8000/v1\"\napi_key = \"…\"",
};

/**
 * @param {{models: readonly any[], providers: readonly any[], isCurrent: boolean, onCheck: () => Promise<unknown>}} props `models` are
 *   those that chat, `providers` those of the settings
 */
export function ModelStep({ models, providers, isCurrent, onCheck }) {
  const [provider, setProvider] = useState("OpenAI");
  const external = models.filter((model) => model.id !== EMBEDDED);
  const options = Object.keys(PROVIDERS).map((value) => ({ value, label: value === "other" ? t("start.model.other") : value }));
  const summary = external.length
    ? t("start.model.external", { count: external.length, name: external[0].id })
    : html`<${WithCode} text=${t("start.model.embedded", { name: EMBEDDED })} />`;
  return html`<${Step} number=${1} title=${t("start.model")} isDone=${models.length > 0} isCurrent=${isCurrent} summary=${summary}>
    ${providers.length > 0 && html`<ul class="providers" aria-label=${t("start.model.providers")}>${providers.map((one) => html`<li key=${one.name}><strong>${one.name}</strong><${ProviderTest} name=${one.name} onTested=${onCheck} /></li>`)}</ul>`}
    ${!external.length && !providers.length && html`<${More} label=${t("start.model.connect")} isOpen=${!models.length}>
      <p class="muted">${t("start.model.connect.text")}</p>
      <${Segments} label=${t("start.model.provider")} value=${provider} options=${options} onChange=${setProvider} />
      <${CodeBlock} label=${provider === "other" ? "understudy.toml" : t("start.terminal")} language=${provider === "other" ? "toml" : "bash"} code=${PROVIDERS[provider] ?? ""} />
      <div class="inline"><${ActionButton} icon="refresh-cw" run=${onCheck} done=${t("start.model.checked")}>${t("start.model.check")}<//></div>
    <//>`}
  <//>`;
}
