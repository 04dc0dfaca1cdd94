import { splitAtWords } from "../lib/highlight_words.js";
import { html } from "./view.js";

/** Text in which the words of a search are marked. @param {{text: string, query: string}} props */
export function MarkedText({ text, query }) {
  return splitAtWords(text, query).map((piece, index) => (piece.isHit ? html`<mark key=${index}>${piece.text}</mark>` : piece.text));
}
