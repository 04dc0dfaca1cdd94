/** Lists that follow the changes of the project: known rows are read again, new ones announce themselves and wait. */
import { get } from "../api/client.js";
import { followEvents } from "../api/event_stream.js";
import { useShortcuts } from "../app/shortcuts.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { html, useEffect, useRef, useState } from "./view.js";

/** @typedef {{object: string, id: string, parent_id: string | null, status: string}} Change */

/**
 * Calls back for every change, and with null when changes are missing.
 *
 * @param {string} types such as `batch`
 * @param {(change: Change | null) => void} onChange
 */
export function useProjectEvents(types, onChange) {
  const current = useRef(onChange);
  current.current = onChange;
  useEffect(() => {
    const abort = new AbortController();
    followEvents({
      path: "/events", query: { "types[]": types }, signal: abort.signal,
      onEvent: ({ event, data }) => {
        if (event === "reset") current.current(null);
        else if (event.startsWith(`${types}.`)) current.current(JSON.parse(data).data);
      },
    }).catch(() => undefined);
    return () => abort.abort();
  }, [types]);
}

/**
 * Follows the changes of a list. Returns what its page renders: a button once there are new rows.
 *
 * @param {string} types
 * @param {() => import("../api/pager.js").Pager | null} pager
 * @param {(change: Change) => string | null} pathOf the path of a changed object; null for one of another list
 */
export function useLiveRows(types, pager, pathOf) {
  const [fresh, setFresh] = useState(/** @type {readonly string[]} */ ([]));
  useProjectEvents(types, async (change) => {
    if (change === null) {
      pager()?.reload();
      return;
    }
    const path = pathOf(change);
    if (path === null) return;
    if (pager()?.rows.peek().some((row) => row.id === change.id)) {
      const row = await get(path).catch(() => null);
      if (row) pager()?.replace(row);
    } else setFresh((old) => (old.includes(change.id) ? old : [...old, change.id]));
  });
  const reload = () => {
    setFresh([]);
    pager()?.reload();
  };
  useShortcuts([{ key: "n", label: t("ui.show-new"), run: reload }]);
  return fresh.length > 0 && html`<${Button} icon="arrow-up" shortcut="n" onClick=${reload}>${t("ui.new-rows", { count: fresh.length })}<//>`;
}
