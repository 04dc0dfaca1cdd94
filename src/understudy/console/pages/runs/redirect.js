/** The page of a run whose thread is not in the address, as of a pasted id. */
import { navigate } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Page } from "../../ui/page.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html, useEffect } from "../../ui/view.js";

/** @param {{params: {id: string}}} props */
export default function RunRedirect({ params: { id } }) {
  const { data: run, error, reload } = useResource(`/runs/${encodeURIComponent(id)}`);
  useEffect(() => {
    if (run) navigate(`threads/${run.thread_id}/runs/${run.id}`, { replace: true });
  }, [run]);
  return html`<${Page} title=${id} parent=${{ path: "runs", label: t("runs.title") }}>${error === null ? html`<${Skeleton} />` : html`<${ErrorNote} error=${error} onRetry=${reload} />`}<//>`;
}
