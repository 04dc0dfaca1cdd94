import { html } from "./view.js";

/**
 * A text whose `{name}` are elements, so that a language puts them where it wants: `<Sentence text=${t("files.cut")} size=… />`.
 *
 * @param {{text: string, [name: string]: any}} props
 */
export function Sentence({ text, ...values }) {
  return html`${text.split(/\{(\w+)\}/).map((part, index) => (index % 2 ? values[part] : part))}`;
}
