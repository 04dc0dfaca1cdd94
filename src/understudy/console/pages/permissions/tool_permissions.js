/** Which hosted tools a project may use; a change applies at once. */
import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Checkbox } from "../../ui/field.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useState } from "../../ui/view.js";

const TOOLS = ["file_search", "code_interpreter", "mcp", "web_search", "image_generation"];

/** @param {{project: string, canChange: boolean}} props */
export function ToolPermissions({ project, canChange }) {
  const path = `/organization/projects/${encodeURIComponent(project)}/hosted_tool_permissions`;
  const { data, error, reload, set } = useResource(path);
  const [failure, setFailure] = useState(/** @type {unknown} */ (null));
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  if (!data) return html`<${Skeleton} rows=${3} />`;
  const change = async (/** @type {string} */ tool, /** @type {boolean} */ enabled) => {
    setFailure(null);
    try {
      set(await post(path, { [tool]: { enabled } }));
      announce(t(enabled ? "permissions.tool.enabled" : "permissions.tool.disabled", { name: t(`permissions.tool.${tool}`) }));
    } catch (caught) {
      setFailure(caught);
      reload();
    }
  };
  return html`<section class="stack-small" aria-label=${t("permissions.tools")}><h2>${t("permissions.tools")}</h2>
    <p class="muted">${t("permissions.tools.text")}</p>
    ${failure !== null && html`<${ErrorNote} error=${failure} />`}
    ${TOOLS.filter((tool) => data[tool]).map((tool) => html`<${Checkbox} key=${tool} label=${t(`permissions.tool.${tool}`)} checked=${data[tool].enabled} disabled=${!canChange} onChange=${(/** @type {boolean} */ enabled) => change(tool, enabled)} />`)}</section>`;
}
