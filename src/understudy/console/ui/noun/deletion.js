import { remove } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { announce } from "../announce.js";
import { confirm } from "../confirm.js";

/**
 * Asks, and deletes then.
 *
 * @param {import("./noun.js").Noun} noun
 * @param {import("./noun.js").Row} row
 * @param {() => void} onDeleted
 */
export function askToDelete(noun, row, onDeleted) {
  const name = noun.title(row);
  confirm({
    title: t(`${noun.name}.delete.title`, { name }),
    text: t(`${noun.name}.delete.text`),
    action: t("ui.delete"),
    ...(noun.isTypedToDelete ? { typed: name } : {}),
    run: async () => {
      await remove(`${noun.path}/${encodeURIComponent(row.id)}`);
      announce(t("ui.deleted", { name }));
      onDeleted();
    },
  });
}
