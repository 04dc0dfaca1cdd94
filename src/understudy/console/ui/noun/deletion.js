import { remove } from "../../api/client.js";
import { hasText, t } from "../../text/texts.js";
import { announce } from "../announce.js";
import { confirm } from "../confirm.js";
import { html } from "../view.js";
import { UsedByNote } from "./used_by.js";

/** The word for deleting an object of a noun. @param {import("./noun.js").Noun} noun */
export function deletionLabel({ name }) {
  const key = `${name}.delete.action`;
  return t(hasText(key) ? key : "ui.delete");
}

/**
 * Asks, and deletes then.
 *
 * @param {import("./noun.js").Noun} noun
 * @param {import("./noun.js").Row} row
 * @param {() => void} onDeleted
 */
export function askToDelete(noun, row, onDeleted) {
  const name = noun.title(row);
  const path = `${noun.path}/${encodeURIComponent(row.id)}`;
  confirm({
    title: t(`${noun.name}.delete.title`, { name }),
    text: t(`${noun.name}.delete.text`),
    details: noun.hasReferences && html`<${UsedByNote} path=${path} />`,
    action: deletionLabel(noun),
    ...(noun.isTypedToDelete ? { typed: name } : {}),
    run: async () => {
      await remove(path);
      announce(t("ui.deleted", { name }));
      onDeleted();
    },
  });
}
