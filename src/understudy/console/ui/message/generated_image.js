/** An image that a response made, or its newest preview. */
import { t } from "../../text/texts.js";
import { Icon } from "../icon.js";
import { html } from "../view.js";

const FORMATS = new Set(["png", "jpeg", "webp"]);

/** @param {{image: {result: string | null, format: string, prompt: string}, isRunning: boolean}} props */
export function GeneratedImage({ image, isRunning }) {
  if (image.result === null) return html`<p class="muted">${t(isRunning ? "message.drawing" : "message.no-image")}</p>`;
  const format = FORMATS.has(image.format) ? image.format : "png";
  const url = `data:image/${format};base64,${image.result}`;
  return html`<figure class="figure"><img src=${url} alt=${image.prompt || t("message.image")} />
    ${!isRunning && html`<figcaption><a class="button is-quiet" href=${url} download=${`image.${format}`}><${Icon} name="download" />${t("ui.download")}</a></figcaption>`}</figure>`;
}
