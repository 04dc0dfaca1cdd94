import { t } from "../text/texts.js";
import { announce } from "./announce.js";
import { Button } from "./button.js";
import { html, useEffect, useState } from "./view.js";

/** @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
  announce(t("ui.copied"));
}

/**
 * Copies where the clipboard's interface is unavailable: on a page without TLS.
 *
 * @param {string} text
 */
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog:modal") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** @param {{text: string | (() => string), label?: string, children?: any, kind?: "quiet" | "plain"}} props */
export function CopyButton({ text, label = t("ui.copy"), children, kind = "quiet" }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    setCopied(true);
  };
  return html`<${Button} kind=${kind} icon=${isCopied ? "check" : "copy"} label=${label} onClick=${copy} class="copy-button">${children}<//>`;
}
