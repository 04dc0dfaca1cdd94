/** The functions of an assistant, which this page or a program answers. */
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { lazy } from "../../ui/lazy.js";
import { html, useState } from "../../ui/view.js";

const FunctionDialog = lazy(async () => (await import("./function_dialog.js")).FunctionDialog);
const EXAMPLE = { name: "get_order", description: "The state of an order", parameters: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } };

/** @param {{tools: readonly any[], onChange: (tools: any[]) => void}} props */
export function Functions({ tools, onChange }) {
  const [edited, setEdited] = useState(/** @type {number | null} */ (null));
  const save = (/** @type {any} */ definition) => {
    const tool = { type: "function", function: definition };
    onChange(edited === tools.length ? [...tools, tool] : tools.with(edited ?? 0, tool));
    setEdited(null);
  };
  return html`<ul class="stack-small functions" aria-label=${t("playground.functions")}>
    ${tools.map((tool, index) => tool.function && html`<li key=${index} class="inline"><${Button} kind="quiet" icon="braces" onClick=${() => setEdited(index)}><span class="mono">${tool.function.name}</span><//>
      <${Button} kind="quiet" icon="x" label=${t("playground.remove", { name: tool.function.name })} onClick=${() => onChange(tools.filter((_, at) => at !== index))} /></li>`)}
    <li><${Button} kind="quiet" icon="plus" onClick=${() => setEdited(tools.length)}>${t("playground.add-function")}<//></li></ul>
    ${edited !== null && html`<${FunctionDialog} definition=${tools[edited]?.function ?? EXAMPLE} onSave=${save} onClose=${() => setEdited(null)} />`}`;
}
