/** Remote MCP servers as tools of an assistant or a response. */

/** Whether only the host of its address is known: responses return no more. @param {any} tool */
export function isRedacted(tool) {
  return typeof tool.server_url === "string" && tool.server_url.endsWith("/<redacted>");
}

/** What is wrong with the definition of a server: a key of the texts, or null. @param {any} value */
export function judgeMcpServer(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "playground.mcp.not-object";
  if (typeof value.server_label !== "string" || value.server_label === "") return "playground.mcp.no-label";
  if (typeof value.server_url !== "string" || !/^https?:\/\//.test(value.server_url)) return "playground.mcp.no-url";
  return isRedacted(value) ? "playground.mcp.redacted" : null;
}
