/** The current page. Its module, texts and style are loaded at its first visit; the page before stays until then. */
import { explainLoadFailure } from "../api/client.js";
import { connection } from "../state/connection.js";
import { canUse } from "../state/session.js";
import { hasText, loadTexts, t } from "../text/texts.js";
import { ErrorNote } from "../ui/error_note.js";
import { Lazy } from "../ui/lazy.js";
import { Page } from "../ui/page.js";
import { Skeleton } from "../ui/states.js";
import { html, useLayoutEffect, useState } from "../ui/view.js";
import { ASSETS } from "./base.js";
import { markPage } from "./early_keys.js";
import { route, scroller, scrollPosition } from "./router.js";
import { accessOf, canOpen } from "./routes.js";
import { runEarlyKey } from "./shortcuts.js";

const loadMissingKey = async () => (await import("./sign_in.js")).MissingKey;

/** @typedef {{component: any, key: string, params: Record<string, string>}} LoadedPage */
/** @type {Set<string>} */
const styles = new Set();

export function PageOutlet() {
  const { row, params, path } = route.value;
  const [page, setPage] = useState(/** @type {LoadedPage | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  // Before the first paint: the modules of the page arrive with the shell.
  useLayoutEffect(() => {
    let isCurrent = true;
    setError(null);
    loadPage(row).then(
      (component) => isCurrent && setPage({ component, key: path, params }),
      async (failure) => {
        const reason = await explainLoadFailure(failure);
        if (isCurrent) setError(reason);
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [path]);
  useLayoutEffect(() => {
    if (page) enterPage();
  }, [page?.key]);
  const lacksKey = row !== null && (row.path !== "" || !canUse("admin")) && !canOpen(row);
  const isMounted = error !== null || lacksKey || page?.key === path;
  useLayoutEffect(() => {
    markPage(isMounted ? path : null);
    runEarlyKey();
  }, [isMounted, path]);
  if (error !== null) return html`<${Page} title=${t("page.failed")}><${ErrorNote} error=${error} onRetry=${() => reloadIfPossible(setError)} /><//>`;
  if (row && lacksKey) return html`<${Lazy} load=${loadMissingKey} before=${html`<div class="page-body"><${Skeleton} /></div>`} key=${path} kind=${accessOf(row)} title=${titleOf(row)} />`;
  if (!page || (row && !canOpen(row))) return html`<div class="page-body"><${Skeleton} /></div>`;
  return html`<${page.component} key=${page.key} params=${page.params} />`;
}

/** @param {import("./routes.js").RouteRow | null} row */
async function loadPage(row) {
  if (!row) return NotFound;
  const folder = row.page.split("/")[0] ?? "";
  const [module] = await Promise.all([import(`../pages/${row.page}.js`), loadTexts(folder)]);
  const style = module.style ? [loadStyle(`pages/${folder}/${module.style}`)] : [];
  await Promise.all([...(module.texts ?? []).map(loadTexts), ...style]);
  return module.default;
}

/** The title of a page that is not loaded. @param {import("./routes.js").RouteRow} row */
function titleOf(row) {
  const key = `nav.${row.under ?? row.path.split("/")[0]}`;
  return hasText(key) ? t(key) : t("nav.start");
}

/** @param {string} path below the assets @returns {Promise<void>} */
export function loadStyle(path) {
  if (styles.has(path)) return Promise.resolve();
  styles.add(path);
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = ASSETS + path;
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
  });
}

/** A reload without a server would leave the page of the browser in place of the console. @param {(error: unknown) => void} setError */
async function reloadIfPossible(setError) {
  const reason = await explainLoadFailure(null);
  if (connection.peek() === "online") location.reload();
  else setError(reason);
}

function enterPage() {
  const main = scroller();
  if (main) main.scrollTop = scrollPosition();
  if (!document.querySelector("dialog:modal")) document.getElementById("page-title")?.focus({ preventScroll: true });
}

function NotFound() {
  return html`<${Page} title=${t("page.not-found")}><p class="muted">${t("page.not-found.text")}</p><//>`;
}
