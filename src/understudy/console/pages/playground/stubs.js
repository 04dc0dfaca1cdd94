/** Outputs of functions that are filled in again for later calls, by the function's name, in this browser. */
import { clearDraft, readDraft, writeDraft } from "../../state/drafts.js";
import { useEffect, useState } from "../../ui/view.js";

const draftOf = (/** @type {string} */ name) => `playground/stub/${name}`;

/** @param {string} name @param {string | null} output null: nothing is filled in any more */
export const saveStub = (name, output) => (output === null ? clearDraft(draftOf(name)) : writeDraft(draftOf(name), output));

/** The saved outputs of functions; those without one are missing. @param {readonly string[]} names @returns {Record<string, string>} */
export function useStubs(names) {
  const [stubs, setStubs] = useState(/** @type {Record<string, string>} */ ({}));
  useEffect(() => {
    Promise.all(names.map(async (name) => [name, await readDraft(draftOf(name))])).then((pairs) => setStubs(Object.fromEntries(pairs.filter(([, stub]) => typeof stub === "string"))));
  }, [names.join()]);
  return stubs;
}
