/** The runs of all threads, live: known rows change their state, and new runs announce themselves. */
import { followEvents } from "../../api/event_stream.js";
import { get } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { NounList } from "../../ui/noun/noun_list.js";
import { html, useEffect, useRef, useState } from "../../ui/view.js";
import { RUNS } from "./noun.js";

export default function RunList() {
  const [fresh, setFresh] = useState(/** @type {readonly string[]} */ ([]));
  const pager = useRef(/** @type {import("../../api/pager.js").Pager | null} */ (null));
  useEffect(() => {
    const abort = new AbortController();
    /** @param {any} data */
    const onChange = async ({ id, parent_id: thread }) => {
      if (pager.current?.rows.peek().some((row) => row.id === id)) {
        const run = await get(`/threads/${thread}/runs/${id}`).catch(() => null);
        if (run) pager.current?.replace(run);
      } else setFresh((old) => (old.includes(id) ? old : [...old, id]));
    };
    followEvents({
      path: "/events", query: { "types[]": "thread.run" }, signal: abort.signal,
      onEvent: (event) => {
        if (event.event === "reset") pager.current?.reload();
        else if (event.event.startsWith("thread.run.")) onChange(JSON.parse(event.data).data);
      },
    }).catch(() => undefined);
    return () => abort.abort();
  }, []);
  const reload = () => {
    setFresh([]);
    pager.current?.reload();
  };
  const actions = fresh.length > 0 && html`<${Button} icon="arrow-up" shortcut="n" onClick=${reload}>${t("runs.new", { count: fresh.length })}<//>`;
  return html`<${NounList} noun=${RUNS} actions=${actions} onPager=${(/** @type {any} */ one) => { pager.current = one; }} />`;
}
