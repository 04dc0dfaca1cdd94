/** A signing secret, which the API returns only once: visible until the reader has it. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy_button.js";
import { html, signal, useState } from "../../ui/view.js";

const revealed = signal(/** @type {{id: string, secret: string} | null} */ (null));

/** @param {any} endpoint with its `signing_secret` */
export function revealSecret(endpoint) {
  revealed.value = { id: endpoint.id, secret: endpoint.signing_secret };
}

/** @param {{id: string}} props its endpoint */
export function SecretOnce({ id }) {
  const [isVisible, setVisible] = useState(false);
  const known = revealed.value;
  if (known?.id !== id) return null;
  const text = isVisible ? known.secret : `${known.secret.slice(0, 8)}${"•".repeat(24)}`;
  return html`<section class="note secret" aria-label=${t("webhooks.secret")}><div class="note-text stack-small">
      <strong>${t("webhooks.secret-once")}</strong><code class="secret-text">${text}</code>
      <div class="inline"><${Button} icon=${isVisible ? "eye-off" : "eye"} onClick=${() => setVisible(!isVisible)}>${t(isVisible ? "webhooks.hide" : "webhooks.show")}<//>
        <${CopyButton} kind="plain" text=${known.secret}>${t("ui.copy")}<//><span class="spring"></span>
        <${Button} kind="primary" onClick=${() => { revealed.value = null; }}>${t("webhooks.have-it")}<//></div></div></section>`;
}
