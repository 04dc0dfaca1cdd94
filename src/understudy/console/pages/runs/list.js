/** The runs of all threads, live. */
import { NounList } from "../../ui/noun/noun_list.js";
import { useLiveRows } from "../../ui/project_events.js";
import { html, useRef } from "../../ui/view.js";
import { RUNS } from "./noun.js";

export default function RunList() {
  const pager = useRef(/** @type {import("../../api/pager.js").Pager | null} */ (null));
  const fresh = useLiveRows("thread.run", () => pager.current, (change) => `/threads/${change.parent_id}/runs/${change.id}`);
  return html`<${NounList} noun=${RUNS} actions=${fresh} onPager=${(/** @type {any} */ one) => { pager.current = one; }} />`;
}
