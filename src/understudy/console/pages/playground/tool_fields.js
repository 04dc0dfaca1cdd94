/** The tools of an assistant or of a response, and what they use. */
import { hasTool } from "../../lib/run_request.js";
import { t } from "../../text/texts.js";
import { Checkbox } from "../../ui/field.js";
import { lazy } from "../../ui/lazy.js";
import { html } from "../../ui/view.js";
import { Functions } from "./functions.js";
import { McpServers } from "./mcp_servers.js";

const ObjectList = lazy(async () => (await import("./object_list.js")).ObjectList);
const MOST_FILES = 20;

/**
 * `hosted` are further tools without settings.
 *
 * @param {{form: {tools: any[], stores: string[], files: string[]}, mostStores: number, hosted?: readonly string[], onChange: (changes: Partial<{tools: any[],
 *   stores: string[], files: string[]}>) => void}} props
 */
export function ToolFields({ form, mostStores, hosted = [], onChange }) {
  const toggle = (/** @type {string} */ type) => html`<${Checkbox} label=${t(`playground.tool.${type}`)} checked=${hasTool(form, type)}
    onChange=${(/** @type {boolean} */ isOn) => onChange({ tools: isOn ? [...form.tools, { type }] : form.tools.filter((tool) => tool.type !== type) })} />`;
  return html`<fieldset class="stack-small"><legend>${t("playground.tools")}</legend>
    ${toggle("file_search")}
    ${hasTool(form, "file_search") && html`<${ObjectList} label=${t("playground.stores")} ids=${form.stores} path="/vector_stores" nameOf=${(/** @type {any} */ row) => row.name ?? ""} most=${mostStores} onChange=${(/** @type {string[]} */ stores) => onChange({ stores })} />`}
    ${toggle("code_interpreter")}
    ${hasTool(form, "code_interpreter") && html`<${ObjectList} label=${t("playground.code-files")} ids=${form.files} path="/files" query=${{ purpose: "assistants" }} nameOf=${(/** @type {any} */ row) => row.filename} most=${MOST_FILES} onChange=${(/** @type {string[]} */ files) => onChange({ files })} />`}
    ${hosted.map(toggle)}
    <${McpServers} tools=${form.tools} onChange=${(/** @type {any[]} */ tools) => onChange({ tools })} />
    <${Functions} tools=${form.tools} onChange=${(/** @type {any[]} */ tools) => onChange({ tools })} /></fieldset>`;
}
