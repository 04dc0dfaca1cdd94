/** The keys that this tab holds, and adding the one that is missing. */
import { canUse, dropKey, hasKey, isSignedIn, KEY_KINDS, person } from "../../state/session.js";
import { t } from "../../text/texts.js";
import { Badge } from "../../ui/values.js";
import { Button } from "../../ui/button.js";
import { lazy } from "../../ui/lazy.js";
import { html } from "../../ui/view.js";

const KeyForm = lazy(async () => (await import("../../app/sign_in.js")).KeyForm);

export function TabKeys() {
  const missing = KEY_KINDS.find((kind) => !canUse(kind));
  return html`<section class="stack-small"><h2 class="section-title">${t("settings.keys")}</h2>
    <dl class="fields">${KEY_KINDS.filter(hasKey).map((kind) => html`<div key=${kind}><dt>${t(`sign-in.key.${kind}`)}</dt>
      <dd class="inline"><${Badge} state="ok" label=${t("settings.key-held")} /><span class="muted">${t(`settings.key-opens.${kind}`)}</span>
        ${(!missing || person.value) && html`<${Button} kind="quiet" icon="x" onClick=${() => dropKey(kind)}>${t(`settings.drop-key.${kind}`)}<//>`}</dd></div>`)}</dl>
    ${missing && isSignedIn() && html`<div class="form stack-small"><p class="muted">${t(`settings.add-key.${missing}`)}</p><${KeyForm} kind=${missing} /></div>`}</section>`;
}
