/** The server and the key: version, project, limits, and which features are on. */
import { t } from "../../text/texts.js";
import { Sentence } from "../../ui/sentence.js";
import { useServer } from "../../ui/server.js";
import { Badge, Bytes, Duration, Id, Money, Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";
import { WithCode } from "../../ui/with_code.js";

const FEATURES = ["providers", "semantic_search", "code_interpreter", "mcp", "videos"];

export function ServerFacts() {
  const server = useServer();
  if (!server) return null;
  const { project, key, balance, limits, retention } = server;
  /** @type {[string, any][]} */
  const facts = [
    ["version", html`<span class="mono">${server.version}</span>`],
    ["project", html`<span class="inline"><${Name} text=${project.name} /><${Id} id=${project.id} link=${false} /></span>`],
    ...(key ? keyFacts(key) : []),
    ["balance", balance.is_limited ? html`<${Money} dollars=${balance.amount} />` : t("settings.no-budget")],
    ["file-bytes", html`<${Bytes} bytes=${limits.file_bytes} />`],
    ["upload-bytes", html`<${Bytes} bytes=${limits.upload_bytes} />`],
    ["import-bytes", html`<${Bytes} bytes=${limits.import_bytes} />`],
    ["run-events", html`<${Duration} milliseconds=${retention.run_events_seconds * 1000} />`],
  ];
  return html`<section class="stack-small"><h2 class="section-title">${t("settings.server")}</h2>
    <dl class="fields">${facts.map(([name, value]) => html`<div key=${name}><dt>${t(`settings.server.${name}`)}</dt><dd>${value}</dd></div>`)}
      ${FEATURES.map((name) => html`<${FeatureFact} key=${name} name=${name} feature=${server.features[name]} />`)}</dl></section>`;
}

/** @param {any} key @returns {[string, any][]} */
function keyFacts(key) {
  const limit = key.spend_limit;
  return [
    ["key", html`<span class="inline"><${Name} text=${key.name} /><span class="mono muted">${key.prefix}</span></span>`],
    ["spend-limit", limit ? html`<${Sentence} text=${t(`settings.period.${limit.period}`)} spent=${html`<${Money} dollars=${limit.spent} />`} amount=${html`<${Money} dollars=${limit.amount} />`} />` : t("settings.no-limit")],
  ];
}

/** @param {{name: string, feature: import("../../ui/server.js").Feature | undefined}} props */
function FeatureFact({ name, feature }) {
  const state = feature?.available === null ? "pending" : feature?.available ? "ok" : "cancelled";
  return html`<div><dt>${t(`settings.feature.${name}`)}</dt>
    <dd><${Badge} state=${state} label=${t(`settings.feature-state.${state}`)} />${feature?.reason && html` <span class="muted"><${WithCode} text=${feature.reason} /></span>`}</dd></div>`;
}
