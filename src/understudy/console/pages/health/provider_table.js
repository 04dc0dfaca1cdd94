import { isFailing } from "../../lib/health.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { ProviderTest } from "../../ui/provider_test.js";
import { useResource } from "../../ui/resource.js";
import { Badge, Count, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/**
 * The providers of the settings, what became of this server's calls to each, and a test.
 *
 * @param {{calls: any[]}} props `calls` are also of the embedded model
 */
export function ProviderTable({ calls }) {
  const { data, error, reload } = useResource("/organization/providers");
  const configured = (data?.data ?? []).map((/** @type {any} */ one) => ({ ...one, ...calls.find(({ name }) => name === one.name) }));
  const rows = [...configured, ...calls.filter(({ name }) => !configured.some((/** @type {any} */ one) => one.name === name))];
  return html`<section class="stack-small"><h2>${t("health.providers")}</h2>
    ${error !== null && html`<${ErrorNote} error=${error} onRetry=${reload} />`}
    ${data && !rows.length && html`<p class="muted">${t("health.no-providers")}</p>`}
    ${rows.length > 0 && html`<div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t("health.provider")}</th><th scope="col">${t("health.state")}</th><th scope="col" class="number priority-2">${t("health.models")}</th><th scope="col" class="number priority-2">${t("health.calls")}</th><th scope="col" class="number priority-2">${t("health.errors")}</th><th scope="col" class="number priority-2">${t("health.last-success")}</th><th scope="col" class="number priority-2">${t("health.last-error")}</th><th scope="col">${t("health.test")}</th></tr></thead>
    <tbody>${rows.map((one) => html`<${Row} key=${one.name} one=${one} onTested=${reload} />`)}</tbody></table></div>`}</section>`;
}

/** @param {{one: any, onTested: () => void}} props */
function Row({ one, onTested }) {
  const state = isFailing(one) ? "failing" : "working";
  return html`<tr><th scope="row"><${Name} text=${one.name} />${one.base_url && html`<br /><small class="muted">${one.base_url}</small>`}</th>
    <td>${one.calls > 0 ? html`<${Badge} state=${state === "failing" ? "failed" : "ok"} label=${t(`health.${state}`)} />` : html`<span class="muted">${t("health.unused")}</span>`}${one.skipped_models?.length > 0 && html`<br /><small class="muted">${t("health.skipped", { models: one.skipped_models.join(", ") })}</small>`}</td>
    <td class="number priority-2"><${Count} value=${one.models} /></td>
    <td class="number priority-2"><${Count} value=${one.calls ?? 0} /></td><td class="number priority-2"><${Count} value=${one.errors ?? 0} /></td>
    <td class="number priority-2"><${Time} at=${one.last_success_at ?? null} /></td>
    <td class="number priority-2">${one.last_error && html`<span class="muted">${one.last_error.replaceAll("_", " ")}</span> `}<${Time} at=${one.last_error_at ?? null} /></td>
    <td>${one.object === "provider" && html`<${ProviderTest} name=${one.name} onTested=${onTested} />`}</td></tr>`;
}
