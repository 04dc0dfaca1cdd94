/** The button of the account menu: who has signed in, and in which project. */
import { person } from "../state/session.js";
import { t } from "../text/texts.js";
import { Icon } from "../ui/icon.js";
import { Lazy } from "../ui/lazy.js";
import { html, useState } from "../ui/view.js";

const loadDialog = async () => (await import("./account_dialog.js")).AccountDialog;

/** In place of the button that signs out a tab with keys. */
export function AccountLink() {
  const [isOpen, setOpen] = useState(false);
  const current = person.value;
  if (!current) return null;
  const project = chosenProject(current);
  const who = [nameOf(current.user), project?.name].filter(Boolean).join(" · ");
  return html`<button type="button" class="nav-link" title=${t("nav.account")} aria-label="${t("nav.account")}: ${who}" aria-haspopup="dialog" onClick=${() => setOpen(true)}><${Icon} name="user" />
      <span>${nameOf(current.user)}${project && html` · <small>${project.name}</small>`}</span></button>
    ${isOpen && html`<${Lazy} load=${loadDialog} person=${current} onClose=${() => setOpen(false)} />`}`;
}

/** @param {import("../state/session.js").User} user */
export const nameOf = (user) => user.name ?? user.email ?? user.id;

/** @param {import("../state/session.js").Person} current */
export const chosenProject = (current) => current.user.projects.find((one) => one.id === current.projectId);
