/** The reader's choices, which stay in this browser, and what the server offers. */
import { changeSettings, currentZone, settings } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Checkbox, Select, TextField } from "../../ui/field.js";
import { Page } from "../../ui/page.js";
import { html, useState } from "../../ui/view.js";
import { ServerFacts } from "./server_facts.js";
import { TabKeys } from "./tab_keys.js";

export const texts = ["sign_in"];

const THEMES = /** @type {const} */ (["system", "light", "dark"]);

export default function SettingsPage() {
  const { theme, shortcuts } = settings.value;
  return html`<${Page} title=${t("settings.title")}>
    <div class="form stack">
      <${Select} label=${t("settings.theme")} value=${theme} onInput=${(/** @type {any} */ value) => changeSettings({ theme: value })}
        options=${THEMES.map((value) => ({ value, label: t(`settings.theme.${value}`) }))} />
      <${ZoneField} />
      <${Checkbox} label=${t("help.enabled")} hint=${t("help.enabled.hint")} checked=${shortcuts} onChange=${(/** @type {boolean} */ value) => changeSettings({ shortcuts: value })} />
    </div>
    <${TabKeys} />
    <${ServerFacts} />
  <//>`;
}

function ZoneField() {
  const [text, setText] = useState(settings.peek().zone);
  const isKnown = text === "" || isZone(text);
  /** @param {string} value */
  const change = (value) => {
    setText(value);
    if (value === "" || isZone(value)) changeSettings({ zone: value });
  };
  return html`<${TextField} label=${t("settings.zone")} value=${text} onInput=${change} placeholder=${currentZone()} hint=${t("settings.zone.hint")}
    error=${isKnown ? null : t("settings.zone.unknown", { zone: text })} />`;
}

/** @param {string} zone */
function isZone(zone) {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false;
  }
}
