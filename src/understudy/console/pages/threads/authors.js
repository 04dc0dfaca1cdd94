import { get } from "../../api/client.js";
import { useEffect, useState } from "../../ui/view.js";

/** The names of the project's latest assistants by id; a message of another one has the role as its author. */
export function useAuthors() {
  const [names, setNames] = useState(/** @type {Record<string, string>} */ ({}));
  useEffect(() => {
    get("/assistants", { limit: 100 }).then(
      (page) => setNames(Object.fromEntries(page.data.filter((/** @type {any} */ row) => row.name).map((/** @type {any} */ row) => [row.id, row.name]))),
      () => undefined,
    );
  }, []);
  return names;
}
