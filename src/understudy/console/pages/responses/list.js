import { NounList } from "../../ui/noun/noun_list.js";
import { useLiveRows } from "../../ui/project_events.js";
import { html, useRef } from "../../ui/view.js";
import { RESPONSES } from "./noun.js";

export default function ResponseList() {
  const pager = useRef(/** @type {import("../../api/pager.js").Pager | null} */ (null));
  const fresh = useLiveRows("response", () => pager.current, (change) => `/responses/${change.id}`);
  return html`<${NounList} noun=${RESPONSES} actions=${fresh} onPager=${(/** @type {any} */ one) => { pager.current = one; }} />`;
}
