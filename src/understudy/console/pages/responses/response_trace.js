/** The timeline of a response: that of runs, with its texts and style. */
import { loadStyle } from "../../app/page_outlet.js";
import { loadTexts } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useEffect, useState } from "../../ui/view.js";

/** @param {{path: string, status: string}} props */
export function ResponseTrace({ path, status }) {
  const { data: trace, error, reload } = useResource(`${path}/trace`, { status });
  const [view, setView] = useState(/** @type {{Timeline: any} | null} */ (null));
  useEffect(() => {
    Promise.all([import("../runs/timeline.js"), loadTexts("runs"), loadStyle("pages/runs/runs.css")]).then(([module]) => setView(module));
  }, []);
  if (error !== null) return html`<${ErrorNote} error=${error} onRetry=${reload} />`;
  return trace && view ? html`<${view.Timeline} path=${path} run=${null} trace=${trace} />` : html`<${Skeleton} />`;
}
