import { API_URL } from "../../app/base.js";
import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { Refresh } from "../../ui/refresh.js";
import { html } from "../../ui/view.js";
import { VIDEOS } from "./noun.js";

export const style = "videos.css";

/** @param {{params: {id: string}}} props */
export default function VideoDetail({ params }) {
  const follow = (/** @type {any} */ row, /** @type {(data: any) => void} */ set) => html`<${Refresh} path=${VIDEOS.apiPathOf?.(params.id)} isActive=${!["completed", "failed"].includes(row.state)} set=${set} />`;
  return html`<${NounDetail} noun=${VIDEOS} id=${params.id} actions=${follow}>${(/** @type {any} */ row) => row.video && html`<video class="video" controls preload="metadata" src=${ownUrl(row.video.url)} aria-label=${t("videos.player")}></video>`}<//>`;
}

/** The URL of a video on this server, whatever name clients have for it. Its token is what grants access. @param {string} url */
function ownUrl(url) {
  const path = /\/generations\/[^/]+\/video\.mp4\?.*$/.exec(url)?.[0];
  return path ? API_URL + path : undefined;
}
