/** Parts of an entry of the audit log in words. */
import { hrefOf } from "../../app/router.js";
import { actorOf, detailsOf, pathOfResource } from "../../lib/audit_events.js";
import { hasText, t } from "../../text/texts.js";
import { Id, Name } from "../../ui/values.js";
import { html } from "../../ui/view.js";

/** @param {{type: string}} props */
export function EventName({ type }) {
  const key = `audit-log.event.${type}`;
  return html`<span>${hasText(key) ? t(key) : type}</span>`;
}

/** @param {{entry: any, isLink?: boolean, names?: Map<string, string>}} props `names` of admin keys by their ids */
export function Actor({ entry, isLink = false, names }) {
  const { kind, id, name } = actorOf(entry);
  if (kind === "operator") return html`<span>${t("audit-log.actor.operator")}</span>`;
  if (kind === "user") return isLink ? html`<a href=${hrefOf(`users/${id}`)}><${Name} text=${name ?? id} /></a>` : html`<${Name} text=${name ?? id} />`;
  if (isLink) return html`<a class="mono" href=${hrefOf(`admin-keys/${id}`)}>${id}</a>`;
  return names?.has(id) ? html`<${Name} text=${names.get(id)} />` : html`<${Id} id=${id} link=${false} copy=${false} />`;
}

/** What was changed. @param {{entry: any, isLink?: boolean}} props */
export function Target({ entry, isLink = false }) {
  const { id } = detailsOf(entry);
  const path = isLink ? pathOfResource(entry) : null;
  return path ? html`<a class="mono" href=${hrefOf(path)}>${id}</a>` : html`<${Id} id=${id} link=${false} copy=${isLink} full=${isLink} />`;
}
