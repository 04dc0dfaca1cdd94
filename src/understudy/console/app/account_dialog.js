/** The account of a person: role and project, to switch between projects, and to sign out. Loaded when it is opened. */
import { forgetPagers } from "../api/pager.js";
import { signOutPerson, switchProject } from "../api/person.js";
import { clearDrafts } from "../state/drafts.js";
import { ownsProject } from "../state/session.js";
import { loadTexts, t } from "../text/texts.js";
import { ActionButton } from "../ui/action_button.js";
import { Dialog } from "../ui/dialog.js";
import { Select } from "../ui/field.js";
import { html } from "../ui/view.js";
import { chosenProject, nameOf } from "./account.js";
import { MOUNT } from "./base.js";
import { hrefOf } from "./router.js";

await loadTexts("sign_in");

/** @param {{person: import("../state/session.js").Person, onClose: () => void}} props */
export function AccountDialog({ person: current, onClose }) {
  const { user, projectId } = current;
  const signOut = async () => {
    await clearDrafts();
    forgetPagers();
    await signOutPerson();
  };
  return html`<${Dialog} title=${nameOf(user)} onClose=${onClose} actions=${html`<${ActionButton} icon="log-out" run=${signOut}>${t("nav.sign-out")}<//>`}>
    <div class="stack">
      ${projectId !== null && html`<${Select} label=${t("sign-in.account.project")} value=${projectId} options=${user.projects.map(({ id, name }) => ({ value: id, label: name }))}
        onInput=${(/** @type {string} */ id) => switchProject(id, MOUNT)} />`}
      ${ownsProject() && html`<p><a href=${hrefOf(`projects/${projectId}?tab=members`)} onClick=${onClose}>${t("sign-in.account.members")}</a></p>`}
      <dl class="fields"><div><dt>${t("sign-in.account.email")}</dt><dd>${user.email ?? t("sign-in.account.no-email")}</dd></div>
        <div><dt>${t("sign-in.account.role")}</dt><dd>${roleOf(current)}</dd></div></dl>
    </div>
  <//>`;
}

/** @param {import("../state/session.js").Person} current */
function roleOf(current) {
  if (current.user.role === "owner") return t("sign-in.account.role.owner");
  const project = chosenProject(current);
  return project ? t(`sign-in.account.role.project-${project.role}`) : t("sign-in.account.role.reader");
}
