/** The definition of a remote MCP server. */
import { parseJson } from "../../lib/json_errors.js";
import { judgeMcpServer } from "../../lib/mcp_servers.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { JsonEditor } from "../../ui/json_editor.js";
import { html, useState } from "../../ui/view.js";

/** @param {{tool: any, onSave: (tool: any) => void, onClose: () => void}} props */
export function McpDialog({ tool, onSave, onClose }) {
  const { type, ...members } = tool;
  const [text, setText] = useState(() => JSON.stringify(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)), null, 2));
  const parsed = parseJson(text);
  const judge = (/** @type {any} */ value) => {
    const key = judgeMcpServer(value);
    return key && t(key);
  };
  const isValid = parsed.ok && judgeMcpServer(parsed.value) === null;
  const save = () => parsed.ok && onSave({ type, ...parsed.value });
  const actions = html`<${Button} onClick=${onClose}>${t("ui.cancel")}<//><${Button} kind="primary" disabled=${!isValid} onClick=${save}>${t("playground.mcp.use")}<//>`;
  return html`<${Dialog} kind="wide" title=${t("playground.mcp")} actions=${actions} onClose=${onClose}>
    <${JsonEditor} label=${t("playground.mcp.definition")} hint=${t("playground.mcp.hint")} rows=${10} value=${text} validate=${judge} onInput=${setText} /><//>`;
}
