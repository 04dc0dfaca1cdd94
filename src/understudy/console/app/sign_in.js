/** Signing in with an API key: the whole page at first, a dialog over the page when the server refuses a key later. */
import { ApiError, request } from "../api/client.js";
import { isRejected, startSession } from "../state/session.js";
import { t } from "../text/texts.js";
import { Button } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { ErrorNote } from "../ui/error_note.js";
import { TextField } from "../ui/field.js";
import { html, useEffect, useState } from "../ui/view.js";
import { API_URL, ASSETS } from "./base.js";

export function SignIn() {
  useEffect(() => {
    document.title = `${t("sign-in.title")} · Understudy`;
  }, []);
  return html`<main class="sign-in">
    <div class="sign-in-card">
      <img src="${ASSETS}icon.svg" alt="" width="40" height="40" />
      <h1>${t("sign-in.title")}</h1>
      <${KeyForm} />
      <hr />
      <p class="muted">${t("sign-in.create-key")}</p>
      <pre class="sign-in-command" tabindex="0"><code>understudy keys create</code></pre>
      <p class="muted">${t("sign-in.base-url")} <span class="mono">${API_URL}</span></p>
    </div>
  </main>`;
}

/** The page below stays as it is, with everything that was typed. */
export function RejectedKey() {
  return html`<${Dialog} title=${t("sign-in.rejected")} onClose=${() => undefined}><p>${t("sign-in.rejected.text")}</p><${KeyForm} /><//>`;
}

function KeyForm() {
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  /** @param {Event} event */
  const signIn = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await request("GET", "/key", { key: key.trim() });
      startSession(key.trim());
      isRejected.value = false;
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const isWrongKey = error instanceof ApiError && error.status === 401;
  return html`<form class="stack" onSubmit=${signIn}>
    <${TextField} label=${t("sign-in.key")} type="password" value=${key} onInput=${setKey} autocomplete="current-password" autofocus
      hint=${t("sign-in.key.hint")} error=${isWrongKey ? t("sign-in.wrong-key") : null} class="mono" required />
    ${error !== null && !isWrongKey && html`<${ErrorNote} error=${error} />`}
    <${Button} kind="primary" type="submit" busy=${isBusy} disabled=${!key.trim()}>${t("sign-in.submit")}<//>
  </form>`;
}
