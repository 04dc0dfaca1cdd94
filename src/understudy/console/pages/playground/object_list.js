import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { Id } from "../../ui/values.js";
import { html, useState } from "../../ui/view.js";
import { Picker } from "./picker.js";

/**
 * Ids of other objects, chosen from a list of the server.
 *
 * @param {{label: string, ids: readonly string[], path: string, query?: Record<string, any>, nameOf: (row: any) => string,
 *   most: number, onChange: (ids: string[]) => void}} props
 */
export function ObjectList({ label, ids, path, query, nameOf, most, onChange }) {
  const [isPicking, setPicking] = useState(false);
  const choose = (/** @type {any} */ row) => {
    setPicking(false);
    if (!ids.includes(row.id)) onChange([...ids, row.id]);
  };
  return html`<div class="object-list" role="group" aria-label=${label}>
    ${ids.map((id) => html`<div key=${id} class="inline"><${Id} id=${id} copy=${false} /><${Button} kind="quiet" icon="x" label=${t("playground.remove", { name: id })} onClick=${() => onChange(ids.filter((one) => one !== id))} /></div>`)}
    ${ids.length < most && html`<${Button} kind="quiet" icon="plus" onClick=${() => setPicking(true)}>${label}<//>`}
    ${isPicking && html`<${Picker} title=${label} path=${path} query=${query} nameOf=${nameOf} onChoose=${choose} onClose=${() => setPicking(false)} />`}
  </div>`;
}
