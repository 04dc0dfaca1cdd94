/** Code with its language, copying, wrapping and downloading. Plain at first, highlighted once its grammar is loaded. */
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy_button.js";
import { downloadText } from "./download.js";
import { highlightCode } from "./highlight.js";
import { html, useEffect, useRef, useState } from "./view.js";

/** @param {{code: string, language?: string, label?: string, filename?: string, limit?: number, wrap?: boolean}} props */
export function CodeBlock({ code, language = "", label, filename, limit = 65_536, wrap = false }) {
  const [isWrapped, setWrapped] = useState(wrap);
  const [isWhole, setWhole] = useState(false);
  const visible = isWhole ? code : code.slice(0, limit);
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!element.current) return;
    element.current.textContent = visible;
    highlightCode(element.current, visible, language);
  }, [visible, language]);
  return html`<figure class="code">
    <figcaption><span>${label ?? language}</span><span class="spring"></span>
      <${Button} kind="quiet" icon="text-wrap" label=${t("ui.wrap")} pressed=${isWrapped} onClick=${() => setWrapped(!isWrapped)} />
      ${filename && html`<${Button} kind="quiet" icon="download" label=${t("ui.download")} onClick=${() => downloadText(code, filename)} />`}
      <${CopyButton} text=${code} /></figcaption>
    <pre class=${isWrapped ? "is-wrapped" : ""} tabindex="0"><code ref=${element} dir="ltr"></code></pre>
    ${visible.length < code.length && html`<footer><${Button} kind="quiet" onClick=${() => setWhole(true)}>${t("ui.show-all-characters", { count: code.length })}<//></footer>`}
  </figure>`;
}
