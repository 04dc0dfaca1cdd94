import { API_URL } from "../../app/base.js";
import { t } from "../../text/texts.js";
import { CodeBlock } from "../../ui/code_block.js";
import { html } from "../../ui/view.js";

/** Where programs connect. */
export function ConnectProgram() {
  return html`<section class="stack-small"><h2>${t("start.connect")}</h2><p class="muted">${t("start.connect.text")}</p>
    <${CodeBlock} label=${t("start.environment")} code=${`export OPENAI_BASE_URL=${API_URL}\nexport OPENAI_API_KEY=…`} /></section>`;
}
