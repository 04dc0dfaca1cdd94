import { t } from "../../text/texts.js";
import { Sentence } from "../../ui/sentence.js";
import { Badge, Bytes, Duration } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** The parts that there is one of. @param {{health: any}} props */
export function Parts({ health }) {
  const { database, broker, blobs, sandbox, embedder } = health;
  return html`<section class="stack-small"><h2>${t("health.parts")}</h2><dl class="fields">
    <${Part} name="server"><span class="mono">${health.version}</span> <span class="muted"><${Sentence} text=${t("health.up")} time=${html`<${Duration} milliseconds=${health.uptime_seconds * 1000} />`} /></span><//>
    <${Part} name="database"><${Badge} state="ok" label=${t("health.answers")} /> ${t(`health.database.${database.kind}`)} <span class="muted">${database.latency_ms} ms</span><//>
    <${Part} name="broker">${broker.kind === "shared" && html`<${Badge} state=${broker.available ? "ok" : "error"} label=${t(broker.available ? "health.connected" : "health.disconnected")} /> `}${t(`health.broker.${broker.kind}`)}<//>
    <${Part} name="blobs">${t(`health.blobs.${blobs.kind}`)} ${blobs.total_bytes !== null && html`<span class="muted"><${Sentence} text=${t("health.free-of")} free=${html`<${Bytes} bytes=${blobs.free_bytes} />`} total=${html`<${Bytes} bytes=${blobs.total_bytes} />`} /></span>`}<//>
    <${Part} name="sandbox">${sandbox === null ? t("health.sandbox.elsewhere") : html`<${Sandbox} sandbox=${sandbox} />`}<//>
    <${Part} name="embedder"><span class="mono">${embedder.name}</span>${embedder.successor && html` <span class="muted">${t("health.successor", { name: embedder.successor })}</span>`}<//>
  </dl></section>`;
}

/** @param {{name: string, children?: any}} props */
function Part({ name, children }) {
  return html`<div><dt>${t(`health.part.${name}`)}</dt><dd class="inline">${children}</dd></div>`;
}

/** @param {{sandbox: any}} props */
function Sandbox({ sandbox }) {
  const { available } = sandbox;
  if (available === null) return html`<${Badge} state="pending" label=${t("health.sandbox.checking")} />`;
  if (!available) return html`<${Badge} state="incomplete" label=${t("health.sandbox.off")} />`;
  return html`<${Badge} state="ok" label=${t("health.sandbox.on")} /><span class="muted">${t("health.sandbox.sessions", { count: sandbox.sessions, most: sandbox.max_sessions })}</span>`;
}
