/** Names of downloaded files, from names that others chose. */

const DANGEROUS = /\.(html?|xhtml|svg|js|mjs|hta|exe|bat|cmd|com|ps1|vbs|scr|jar|msi|lnk|desktop|sh)$/i;

/**
 * The last part of a name without controls, separators and leading dots; `download` if nothing is left.
 *
 * @param {string} name
 */
export function safeFilename(name) {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const plain = last.replace(/[\p{Cc}\p{Cf}<>:"|?*]/gu, "_").replace(/^[.\s]+|[.\s]+$/g, "");
  return plain.slice(-200) || "download";
}

/**
 * Whether opening the file can run a program.
 *
 * @param {string} name
 */
export function isExecutable(name) {
  return DANGEROUS.test(name);
}
