import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { VECTOR_STORES } from "./noun.js";
import { StoreFiles } from "./store_files.js";
import { StoreSearch } from "./store_search.js";

export const style = "vector_stores.css";

/** @param {{params: {id: string}}} props */
export default function VectorStoreDetail({ params }) {
  const files = { name: "files", label: t("vector-stores.files"), view: (/** @type {any} */ _row, /** @type {() => void} */ reload) => html`<${StoreFiles} store=${params.id} onChange=${reload} />` };
  const search = { name: "search", label: t("vector-stores.search"), view: () => html`<${StoreSearch} store=${params.id} />` };
  return html`<${NounDetail} noun=${VECTOR_STORES} id=${params.id} firstTab=${files} tabs=${[search]} />`;
}
