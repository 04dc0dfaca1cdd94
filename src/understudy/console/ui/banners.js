/** Lines above every page: no connection, a stream that reconnects, a newer console on the server. */
import { reconnecting } from "../api/event_stream.js";
import { connection, isOutdated } from "../state/connection.js";
import { t } from "../text/texts.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";
import { html, useEffect, useState } from "./view.js";

const PATIENCE_MILLISECONDS = 2_000;

export function Banners() {
  const isSlow = useDelayed(reconnecting.value > 0);
  return html`<div class="banners" aria-live="polite">
    ${isOutdated.value && html`<div class="banner"><${Icon} name="refresh-cw" /><span>${t("banner.outdated")}</span><${Button} onClick=${() => location.reload()}>${t("banner.reload")}<//></div>`}
    ${connection.value === "offline" && html`<div class="banner is-warn"><${Icon} name="wifi-off" /><span>${t("banner.offline")}</span></div>`}
    ${isSlow && connection.value === "online" && html`<div class="banner is-warn"><${Icon} name="plug" /><span>${t("banner.reconnecting")}</span></div>`}
  </div>`;
}

/** @param {boolean} isOn */
function useDelayed(isOn) {
  const [isDue, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(isOn), isOn ? PATIENCE_MILLISECONDS : 0);
    return () => clearTimeout(timer);
  }, [isOn]);
  return isDue;
}
