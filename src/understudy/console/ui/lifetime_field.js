import { FOR_EVER } from "../lib/form_values.js";
import { t } from "../text/texts.js";
import { Select } from "./field.js";
import { html } from "./view.js";

const DAY = 86_400;
const DAYS = [7, 30, 90, 365];

/**
 * When something expires, as the text of a number of seconds.
 *
 * @param {import("./field.js").FieldProps & {value: string, onInput: (text: string) => void, isChange?: boolean}} props
 *   `isChange`: the object has an expiry already, which the empty text leaves
 */
export function LifetimeField({ isChange = false, ...props }) {
  const never = { value: isChange ? FOR_EVER : "", label: t("ui.lifetime.never") };
  const options = [...(isChange ? [{ value: "", label: t("ui.lifetime.unchanged") }] : []), never,
    ...DAYS.map((count) => ({ value: String(count * DAY), label: t("ui.lifetime.days", { count }) }))];
  return html`<${Select} ...${props} options=${options} />`;
}
