import { NounSection } from "../../ui/noun/noun_section.js";
import { revealSecret } from "../../ui/secret_once.js";
import { html, useMemo } from "../../ui/view.js";
import { accountsOf } from "./noun.js";

/** The service accounts of a project. @param {{project: string, canChange: boolean}} props */
export function AccountSection({ project, canChange }) {
  const noun = useMemo(() => accountsOf(project), [project]);
  return html`<${NounSection} noun=${noun} canChange=${canChange} onCreated=${(/** @type {any} */ row) => row.api_key && revealSecret(row.id, row.api_key.value)} />`;
}
