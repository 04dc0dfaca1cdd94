import { open } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { downloadPath } from "../download.js";
import { Button } from "../button.js";
import { ErrorNote } from "../error_note.js";
import { html, useEffect, useState } from "../view.js";

/** Images that hold no script and are in the URL itself: no request of the browser leaves for another host. */
const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,/;

/** An image by its URL. One of another host is named and not loaded. @param {{url: string}} props */
export function UrlImage({ url }) {
  if (!INLINE_IMAGE.test(url)) return html`<p class="image-chip">${t("message.image-url")} · <bdi>${url.slice(0, 120)}</bdi></p>`;
  return html`<figure class="figure"><img src=${url} alt=${t("message.figure")} /></figure>`;
}

/** An image of the project's files; its contents need the key, so they are fetched. @param {{id: string}} props */
export function FileImage({ id }) {
  const [url, setUrl] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const path = `/files/${encodeURIComponent(id)}/content`;
  useEffect(() => {
    const abort = new AbortController();
    /** @type {string | null} */
    let made = null;
    open("GET", path, { signal: abort.signal }).then((response) => response.blob()).then((blob) => {
      if (abort.signal.aborted) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
    }).catch((failure) => abort.signal.aborted || setError(failure));
    return () => {
      abort.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [id]);
  if (error !== null) return html`<${ErrorNote} error=${error} />`;
  return html`<figure class="figure">${url ? html`<img src=${url} alt=${t("message.figure")} />` : html`<div class="figure-space"></div>`}
    <figcaption><${Button} kind="quiet" icon="download" onClick=${() => downloadPath(path, `${id}.png`)}>${t("ui.download")}<//></figcaption></figure>`;
}
