/** A button that tests the connection to a model provider, and its latest result. */
import { post } from "../api/client.js";
import { formatLatency } from "../lib/format.js";
import { currentLocale } from "../state/settings.js";
import { t } from "../text/texts.js";
import { ActionButton } from "./action_button.js";
import { html, useState } from "./view.js";

/** @param {{name: string, onTested?: () => void}} props */
export function ProviderTest({ name, onTested }) {
  const [result, setResult] = useState(/** @type {any} */ (null));
  const run = async () => {
    setResult(await post(`/organization/providers/${encodeURIComponent(name)}/test`));
    onTested?.();
  };
  return html`<div class="provider-test"><${ActionButton} icon="activity" kind="quiet" run=${run} label=${t("ui.provider.test.label", { name })}>${t("ui.provider.test")}<//>
    <span role="status" class=${result?.status === "failed" ? "is-failed" : "muted"}>${result && describe(result)}</span></div>`;
}

/** @param {any} result */
function describe({ status, models, latency_ms: latency, error }) {
  if (status === "failed") return error.message;
  const time = formatLatency(latency, currentLocale());
  return models === null ? t("ui.provider.responds", { time }) : t("ui.provider.lists", { count: models, time });
}
