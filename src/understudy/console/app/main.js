/** Starts the console: theme, key, texts, router, keyboard, and then the first render. */
import { restorePerson } from "../api/person.js";
import { isSignedIn, restoreSession } from "../state/session.js";
import { startSettings } from "../state/settings.js";
import { loadTexts } from "../text/texts.js";
import { html, render } from "../ui/view.js";
import { startRouter } from "./router.js";
import { Shell } from "./shell.js";
import { startShortcuts } from "./shortcuts.js";

startSettings();
await Promise.all([restoreSession(), loadTexts("shared")]);
if (!isSignedIn()) await restorePerson();
startRouter();
startShortcuts();
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${Shell} />`, root);
