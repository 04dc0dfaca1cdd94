/** The items of a conversation, virtual. */
import { TwoWayRows } from "../../api/two_way_rows.js";
import { t } from "../../text/texts.js";
import { ErrorNote } from "../../ui/error_note.js";
import { IMAGES, Item } from "../../ui/message/item.js";
import { Empty, Skeleton } from "../../ui/states.js";
import { VirtualList } from "../../ui/virtual_list.js";
import { html, useEffect, useMemo } from "../../ui/view.js";

/** @param {{conversation: string}} props */
export function ItemLog({ conversation }) {
  const log = useMemo(() => new TwoWayRows(`/conversations/${encodeURIComponent(conversation)}/items`, IMAGES), [conversation]);
  useEffect(() => {
    log.open(null);
  }, [log]);
  const rows = log.rows.value;
  if (log.error.value !== null) return html`<div class="page-body"><${ErrorNote} error=${log.error.value} onRetry=${() => log.open(null)} /></div>`;
  if (!log.isReady.value) return html`<div class="page-body"><${Skeleton} /></div>`;
  if (!rows.length) return html`<div class="page-body"><${Empty} icon="message-circle" title=${t("conversations.no-items")} text=${t("conversations.no-items.text")} /></div>`;
  return html`<div class="item-log"><${VirtualList} items=${rows} label=${t("conversations.items")} estimate=${64} onStart=${() => log.loadOlder()}
    renderItem=${(/** @type {any} */ item) => html`<div class="item-frame"><${Item} item=${item} /></div>`} /></div>`;
}
