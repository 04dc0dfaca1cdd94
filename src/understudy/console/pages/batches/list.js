import { NounList } from "../../ui/noun/noun_list.js";
import { useLiveRows } from "../../ui/project_events.js";
import { html, useRef } from "../../ui/view.js";
import { BATCHES } from "./noun.js";

export const style = "batches.css";

export default function BatchList() {
  const pager = useRef(/** @type {import("../../api/pager.js").Pager | null} */ (null));
  const fresh = useLiveRows("batch", () => pager.current, (change) => `/batches/${change.id}`);
  return html`<${NounList} noun=${BATCHES} actions=${fresh} onPager=${(/** @type {any} */ one) => { pager.current = one; }} />`;
}
