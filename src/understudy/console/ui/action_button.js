import { Button } from "./button.js";
import { confirm } from "./confirm.js";
import { describeError } from "./error_note.js";
import { announce } from "./announce.js";
import { t } from "../text/texts.js";
import { html, useState } from "./view.js";

/**
 * A button that runs a request: busy meanwhile, and a failure stands in a dialog.
 *
 * @param {{icon: string, run: () => Promise<unknown>, children?: any, kind?: "plain" | "primary" | "quiet", done?: string, label?: string}} props
 *   `done` is spoken after a success, `label` instead of the children
 */
export function ActionButton({ icon, run, children, kind = "plain", done, label }) {
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      await run();
      if (done) announce(done);
    } catch (error) {
      confirm({ title: t("ui.failed"), text: describeError(error).message, action: t("ui.retry"), run });
    }
    setBusy(false);
  };
  return html`<${Button} kind=${kind} icon=${icon} label=${label} busy=${isBusy} onClick=${act}>${children}<//>`;
}
