import { hrefOf } from "../../app/router.js";
import { t } from "../../text/texts.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html, useMemo } from "../../ui/view.js";
import { membersOf } from "./noun.js";

/** @param {{params: {project: string, id: string}}} props */
export default function MemberDetail({ params: { project, id } }) {
  const noun = useMemo(() => membersOf(project), [project]);
  return html`<${NounDetail} noun=${noun} id=${id}>${() => html`<p><a href=${hrefOf(`users/${id}`)}>${t("members.user")}</a></p>`}<//>`;
}
