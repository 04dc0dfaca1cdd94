/** Signing in, with the provider or with API keys: the whole page at first, a part of a page that needs another key, a dialog when the server refuses one. */
import { ApiError } from "../api/client.js";
import { findKeyKind } from "../api/key_kind.js";
import { forgetPagers } from "../api/pager.js";
import { provider, signInUrl } from "../api/person.js";
import { addKey, dropKey, hasKey, KEY_KINDS, person } from "../state/session.js";
import { hasText, loadTexts, t } from "../text/texts.js";
import { Button } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { ErrorNote } from "../ui/error_note.js";
import { TextField } from "../ui/field.js";
import { Page } from "../ui/page.js";
import { html, useEffect, useState } from "../ui/view.js";
import { API_URL, ASSETS } from "./base.js";

await loadTexts("sign_in");

/** @typedef {import("../lib/key_kinds.js").KeyKind} KeyKind */

/** How the command line creates a key of each kind. */
const COMMANDS = { project: "understudy keys create", admin: "understudy keys create --admin --name operator" };

export function SignIn() {
  useEffect(() => {
    document.title = `${t("sign-in.title")} · Understudy`;
  }, []);
  return html`<main class="sign-in">
    <div class="sign-in-card">
      <img src="${ASSETS}icon.svg" alt="" width="40" height="40" />
      <h1>${t("sign-in.title")}</h1>
      <${Failure} />
      ${provider.value ? html`<${ProviderButton} /><details><summary>${t("sign-in.or-key")}</summary><div class="stack"><${KeySignIn} /></div></details>` : html`<${KeySignIn} />`}
      <p class="muted">${t("sign-in.base-url")} <span class="mono">${API_URL}</span></p>
    </div>
  </main>`;
}

function KeySignIn() {
  return html`<${KeyForm} submit=${t("sign-in.submit")} autofocus=${!provider.value} />
    <hr />
    ${KEY_KINDS.map((kind) => html`<${KeyCommand} key=${kind} kind=${kind} />`)}`;
}

/** Why the sign-in with the provider has failed: the server has put the code into the URL. */
function Failure() {
  const [code] = useState(() => new URLSearchParams(location.search).get("sign_in_error"));
  if (code === null) return null;
  const key = `sign-in.error.${code}`;
  return html`<p class="note is-error" role="alert">${hasText(key) ? t(key) : t("sign-in.error.other")}</p>`;
}

function ProviderButton() {
  return html`<a class="button is-primary" href=${signInUrl()}><span>${t("sign-in.with", { name: provider.value?.name ?? "" })}</span></a>`;
}

/** The page below stays as it is until the person signs in again. */
export function EndedSession() {
  return html`<${Dialog} title=${t("sign-in.ended")} onClose=${() => undefined} actions=${html`<${ProviderButton} />`}><p>${t("sign-in.ended.text")}</p><//>`;
}

/** In place of a page that the keys of this tab do not open. @param {{kind: KeyKind, title: string}} props */
export function MissingKey({ kind, title }) {
  const text = person.value && kind === "project" ? t("sign-in.no-project") : t(`sign-in.needed.${kind}`);
  return html`<${Page} title=${title}><div class="form stack"><p>${text}</p><${KeyForm} kind=${kind} autofocus=${true} /><${KeyCommand} kind=${kind} /></div><//>`;
}

/** The page below stays as it is, with everything that was typed. @param {{kind: KeyKind}} props */
export function RejectedKey({ kind }) {
  const hasOther = person.value !== null || KEY_KINDS.some((one) => one !== kind && hasKey(one));
  const without = hasOther && html`<${Button} onClick=${() => dropKey(kind)}>${t("sign-in.without")}<//>`;
  return html`<${Dialog} title=${t(`sign-in.rejected.${kind}`)} onClose=${() => undefined}><p>${t("sign-in.rejected.text")}</p><${KeyForm} kind=${kind} submit=${t("sign-in.submit")} actions=${without} autofocus=${true} /><//>`;
}

/** @param {{kind: KeyKind}} props */
function KeyCommand({ kind }) {
  return html`<div class="stack-small"><p class="muted">${t(`sign-in.create.${kind}`)}</p><pre class="sign-in-command" tabindex="0"><code>${COMMANDS[kind]}</code></pre></div>`;
}

/**
 * Adds a key to the session. The server tells its kind.
 *
 * @param {{kind?: KeyKind, submit?: string, actions?: any, autofocus?: boolean}} props `kind` is the only one that it takes
 */
export function KeyForm({ kind, submit = t("sign-in.add"), actions, autofocus = false }) {
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [wrongKind, setWrongKind] = useState(/** @type {KeyKind | null} */ (null));
  /** @param {Event} event */
  const signIn = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    setWrongKind(null);
    try {
      const found = await findKeyKind(key.trim());
      if (kind !== undefined && found !== kind) setWrongKind(found);
      else {
        forgetPagers();
        addKey(found, key.trim());
        setKey("");
      }
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  const isUnknown = error instanceof ApiError && error.status === 401;
  const problem = isUnknown ? t("sign-in.wrong-key") : wrongKind ? t(`sign-in.wrong-kind.${wrongKind}`) : null;
  return html`<form class="stack" onSubmit=${signIn}>
    <${TextField} label=${t(kind === undefined ? "sign-in.key" : `sign-in.key.${kind}`)} type="password" value=${key} onInput=${setKey} autocomplete="current-password" autofocus=${autofocus}
      hint=${t("sign-in.key.hint")} error=${problem} class="mono" required />
    ${error !== null && !isUnknown && html`<${ErrorNote} error=${error} />`}
    <div class="inline"><${Button} kind="primary" type="submit" busy=${isBusy} disabled=${!key.trim()}>${submit}<//>${actions}</div>
  </form>`;
}
