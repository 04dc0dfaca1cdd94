/** One service account: its role, and its keys. */
import { t } from "../../text/texts.js";
import { auditItem } from "../../ui/audit_item.js";
import { Button } from "../../ui/button.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { NounForm } from "../../ui/noun/noun_form.js";
import { revealSecret, SecretOnce } from "../../ui/secret_once.js";
import { html, useMemo, useState } from "../../ui/view.js";
import { keysOf } from "../keys/noun.js";
import { AccountKeys } from "./account_keys.js";
import { accountsOf } from "./noun.js";

export const texts = ["keys"];

/** @param {{params: {project: string, id: string}}} props */
export default function AccountDetail({ params: { project, id } }) {
  const noun = useMemo(() => accountsOf(project), [project]);
  const [isOpen, setOpen] = useState(false);
  const keys = useMemo(() => ({ ...keysOf(project), path: `${noun.path}/${encodeURIComponent(id)}/api_keys` }), [project, id]);
  const actions = () => html`<${Button} icon="key" onClick=${() => setOpen(true)}>${t("keys.create")}<//>`;
  return html`<${NounDetail} noun=${noun} id=${id} actions=${actions} menu=${() => [auditItem("resource", id)]}>${() => html`
    <${SecretOnce} id=${id} label=${t("keys.secret")} text=${t("keys.secret-once")} />
    <${AccountKeys} project=${project} account=${id} />
    ${isOpen && html`<${NounForm} noun=${keys} onClose=${() => setOpen(false)} onSaved=${(/** @type {any} */ row) => revealSecret(row.id, row.value)} />`}`}<//>`;
}
