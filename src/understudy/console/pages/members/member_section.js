import { NounSection } from "../../ui/noun/noun_section.js";
import { html, useMemo } from "../../ui/view.js";
import { membersOf } from "./noun.js";

/** The users of a project. @param {{project: string, canChange: boolean}} props */
export function MemberSection({ project, canChange }) {
  const noun = useMemo(() => membersOf(project), [project]);
  return html`<${NounSection} noun=${noun} canChange=${canChange} />`;
}
