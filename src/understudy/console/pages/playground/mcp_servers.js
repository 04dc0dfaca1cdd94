/** The remote MCP servers of an assistant or a response. */
import { useServer } from "../../ui/server.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { lazy } from "../../ui/lazy.js";
import { html, useState } from "../../ui/view.js";
import { isRedacted } from "../../lib/mcp_servers.js";

const McpDialog = lazy(async () => (await import("./mcp_dialog.js")).McpDialog);
const EXAMPLE = { type: "mcp", server_label: "docs", server_url: "https://example.com/mcp", require_approval: "always" };

/** @param {{tools: readonly any[], onChange: (tools: any[]) => void}} props */
export function McpServers({ tools, onChange }) {
  const [edited, setEdited] = useState(/** @type {number | null} */ (null));
  const isOff = useServer()?.features.mcp?.available === false;
  const save = (/** @type {any} */ tool) => {
    onChange(edited === tools.length ? [...tools, tool] : tools.with(edited ?? 0, tool));
    setEdited(null);
  };
  return html`<ul class="stack-small functions" aria-label=${t("playground.mcp-servers")}>
    ${tools.map((tool, index) => tool.type === "mcp" && html`<li key=${index} class="inline"><${Button} kind="quiet" icon="plug" onClick=${() => setEdited(index)}><span class="mono">${tool.server_label}</span><//>
      <${Button} kind="quiet" icon="x" label=${t("playground.remove", { name: tool.server_label })} onClick=${() => onChange(tools.filter((_, at) => at !== index))} /></li>
      ${isRedacted(tool) && html`<li class="field-error">${t("playground.mcp.redacted")}</li>`}`)}
    ${!isOff && html`<li><${Button} kind="quiet" icon="plus" onClick=${() => setEdited(tools.length)}>${t("playground.add-mcp")}<//></li>`}</ul>
    ${edited !== null && html`<${McpDialog} tool=${tools[edited] ?? EXAMPLE} onSave=${save} onClose=${() => setEdited(null)} />`}`;
}
