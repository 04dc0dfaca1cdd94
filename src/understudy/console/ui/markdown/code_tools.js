/** The bar of a code block in rendered Markdown: its language and a copy button, and colours once it is finished. */
import { t } from "../../text/texts.js";
import { copyText } from "../copy_button.js";
import { highlightCode } from "../highlight.js";

/** @param {Element} root @param {{isFinal: boolean}} options */
export function addCodeTools(root, { isFinal }) {
  for (const code of root.querySelectorAll("pre > code")) {
    const pre = /** @type {HTMLElement} */ (code.parentElement);
    const language = languageOf(code);
    pre.tabIndex = 0;
    // Also in a text from right to left.
    pre.dir = "ltr";
    const figure = document.createElement("figure");
    figure.className = "code";
    const bar = document.createElement("figcaption");
    const name = document.createElement("span");
    name.textContent = language;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "button is-quiet";
    copy.textContent = t("ui.copy");
    copy.addEventListener("click", () => copyText(code.textContent ?? ""));
    const spring = document.createElement("span");
    spring.className = "spring";
    bar.append(name, spring, copy);
    pre.replaceWith(figure);
    figure.append(bar, pre);
    if (isFinal) finishCode(code);
  }
  for (const table of root.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table-frame";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
}

/** Colours code that is complete. @param {Element} code */
export function finishCode(code) {
  const language = languageOf(code);
  if (language) highlightCode(code, code.textContent ?? "", language);
}

/** @param {Element} code */
function languageOf(code) {
  return /(?:^|\s)language-([\w+-]{1,20})/.exec(code.className)?.[1] ?? "";
}
