import { NounSection } from "../../ui/noun/noun_section.js";
import { revealSecret } from "../../ui/secret_once.js";
import { html, useMemo } from "../../ui/view.js";
import { keysOf } from "./noun.js";

/** The keys of a project. @param {{project: string, canChange: boolean}} props */
export function KeySection({ project, canChange }) {
  const noun = useMemo(() => keysOf(project), [project]);
  return html`<${NounSection} noun=${noun} canChange=${canChange} onCreated=${(/** @type {any} */ row) => revealSecret(row.id, row.value)} />`;
}
