/** A secret that the API returns only once: in this tab's memory until the reader has it, and stored nowhere. */
import { isSignedIn } from "../state/session.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy_button.js";
import { effect, html, signal, useState } from "./view.js";

const VISIBLE_CHARACTERS = 8;
const revealed = signal(/** @type {{id: string, secret: string} | null} */ (null));

effect(() => {
  if (!isSignedIn()) revealed.value = null;
});

/** @param {string} id of the object that has the secret @param {string} secret */
export function revealSecret(id, secret) {
  revealed.value = { id, secret };
}

/** @param {{id: string, label: string, text: string}} props `text` says that it is visible only now */
export function SecretOnce({ id, label, text }) {
  const known = revealed.value;
  return known?.id === id && html`<${Secret} key=${known.secret} secret=${known.secret} label=${label} text=${text} />`;
}

/** @param {{secret: string, label: string, text: string}} props */
function Secret({ secret, label, text }) {
  const [isVisible, setVisible] = useState(false);
  const value = isVisible ? secret : `${secret.slice(0, VISIBLE_CHARACTERS)}${"•".repeat(24)}`;
  return html`<section class="note secret" aria-label=${label}><div class="note-text stack-small">
      <strong>${text}</strong><code class="secret-text">${value}</code>
      <div class="inline"><${Button} icon=${isVisible ? "eye-off" : "eye"} onClick=${() => setVisible(!isVisible)}>${t(isVisible ? "secret.hide" : "secret.show")}<//>
        <${CopyButton} kind="plain" text=${secret}>${t("ui.copy")}<//><span class="spring"></span>
        <${Button} kind="primary" onClick=${() => { revealed.value = null; }}>${t("secret.have-it")}<//></div></div></section>`;
}
