import { t } from "../text/texts.js";
import { Icon } from "./icon.js";
import { useServer } from "./server.js";
import { html } from "./view.js";

/** Why a feature of this page is off, and what to do; nothing where it is on. @param {{feature: string}} props */
export function FeatureNote({ feature }) {
  const state = useServer()?.features[feature];
  if (!state || state.available !== false) return null;
  return html`<div class="note"><${Icon} name="circle-slash" /><div class="note-text"><strong>${t(`feature.${feature}.off`)}</strong>${state.reason && html`<p>${state.reason}</p>`}</div></div>`;
}
