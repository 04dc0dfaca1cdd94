/** The assistant of the playground and its form. Changes that are not saved belong to the runs of this page. */
import { post } from "../../api/client.js";
import { setQuery } from "../../app/router.js";
import { assistantBody, EMPTY_FORM, formOf, isChanged, runOverrides } from "../../lib/run_request.js";
import { useDraft } from "../../state/drafts.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { useResource } from "../../ui/resource.js";
import { useState } from "../../ui/view.js";

/** @typedef {ReturnType<typeof useAssistant>} AssistantState */

/** @param {string | null} id null: a new one */
export function useAssistant(id) {
  const resource = useResource(id === null ? null : `/assistants/${encodeURIComponent(id)}`);
  const stored = resource.data?.id === id ? resource.data : null;
  const draft = useDraft(`playground/assistant/${id ?? "new"}`, /** @type {import("../../lib/run_request.js").AssistantForm | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [isBusy, setBusy] = useState(false);
  const form = draft.value ?? (stored ? formOf(stored) : EMPTY_FORM);
  const save = async (/** @type {string} */ path) => {
    setBusy(true);
    setError(null);
    try {
      const saved = await post(path, assistantBody(form));
      draft.clear();
      if (saved.id === id) resource.set(saved);
      else setQuery({ assistant: saved.id });
      announce(t("ui.saved"));
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return {
    id, stored, form, error, isBusy,
    loadError: resource.error,
    reload: resource.reload,
    isChanged: stored !== null && isChanged(form, stored),
    overrides: stored ? runOverrides(form, stored) : {},
    change: (/** @type {Partial<import("../../lib/run_request.js").AssistantForm>} */ changes) => draft.set({ ...form, ...changes }),
    discard: draft.clear,
    save: () => save(`/assistants/${encodeURIComponent(id ?? "")}`),
    create: () => save("/assistants"),
  };
}
