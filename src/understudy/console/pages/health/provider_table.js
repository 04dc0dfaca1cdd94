import { isFailing } from "../../lib/health.js";
import { t } from "../../text/texts.js";
import { Badge, Count, Name, Time } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** What became of the calls of this server to each provider. @param {{providers: any[]}} props */
export function ProviderTable({ providers }) {
  return html`<section class="stack-small"><h2>${t("health.providers")}</h2>
    ${!providers.length && html`<p class="muted">${t("health.no-calls")}</p>`}
    ${providers.length > 0 && html`<div class="table-frame"><table class="figures is-wide">
    <thead><tr><th scope="col">${t("health.provider")}</th><th scope="col">${t("health.state")}</th><th scope="col" class="number priority-2">${t("health.calls")}</th><th scope="col" class="number priority-2">${t("health.errors")}</th><th scope="col" class="number priority-2">${t("health.last-success")}</th><th scope="col" class="number">${t("health.last-error")}</th></tr></thead>
    <tbody>${providers.map((one) => html`<tr key=${one.name}><th scope="row"><${Name} text=${one.name} /></th>
      <td><${Badge} state=${isFailing(one) ? "failed" : "ok"} label=${t(isFailing(one) ? "health.failing" : "health.working")} /></td>
      <td class="number priority-2"><${Count} value=${one.calls} /></td><td class="number priority-2"><${Count} value=${one.errors} /></td>
      <td class="number priority-2"><${Time} at=${one.last_success_at} /></td>
      <td class="number">${one.last_error && html`<span class="muted">${one.last_error.replaceAll("_", " ")}</span> `}<${Time} at=${one.last_error_at} /></td></tr>`)}</tbody></table></div>`}</section>`;
}
