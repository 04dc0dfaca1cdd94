/** One project: what it is, its keys, service accounts and spending. */
import { post } from "../../api/client.js";
import { t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { auditItem } from "../../ui/audit_item.js";
import { confirm } from "../../ui/confirm.js";
import { NounDetail } from "../../ui/noun/noun_detail.js";
import { html } from "../../ui/view.js";
import { KeySection } from "../keys/key_section.js";
import { LimitTable } from "../limits/limit_table.js";
import { ModelLimits } from "../limits/model_limits.js";
import { MemberSection } from "../members/member_section.js";
import { ModelPermissions } from "../permissions/model_permissions.js";
import { ToolPermissions } from "../permissions/tool_permissions.js";
import { AccountSection } from "../service_accounts/account_section.js";
import { canChange, isActive, isAdministered, PROJECTS } from "./noun.js";
import { Spending } from "./spending.js";

export const style = "projects.css";
export const texts = ["keys", "limits", "members", "permissions", "service_accounts"];

/** @param {{params: {id: string}}} props */
export default function ProjectDetail({ params: { id } }) {
  const tabs = [
    { name: "keys", label: t("keys.title"), view: (/** @type {any} */ row) => html`<${KeySection} project=${id} canChange=${isActive(row)} />` },
    { name: "service-accounts", label: t("service-accounts.title"), view: (/** @type {any} */ row) => html`<${AccountSection} project=${id} canChange=${isActive(row)} />` },
    { name: "members", label: t("members.title"), view: (/** @type {any} */ row) => html`<${MemberSection} project=${id} canChange=${isActive(row)} />` },
    { name: "limits", label: t("limits.title"), view: (/** @type {any} */ row) => html`<${LimitTable} path="${PROJECTS.path}/${encodeURIComponent(id)}/limits" title=${t("limits.project")} canChange=${isAdministered(row)} />
      <${ModelLimits} project=${id} canChange=${isAdministered(row)} />` },
    { name: "models", label: t("permissions.title"), view: (/** @type {any} */ row) => html`<${ModelPermissions} project=${id} canChange=${isAdministered(row)} /><${ToolPermissions} project=${id} canChange=${isAdministered(row)} />` },
    { name: "spending", label: t("projects.spending"), view: (/** @type {any} */ row) => html`<${Spending} project=${id} canChange=${isAdministered(row)} />` },
  ];
  /** @param {any} row @param {(row: any) => void} set */
  const archive = (row, set) => confirm({
    title: t("projects.archive.title", { name: row.name }), text: t("projects.archive.text"), action: t("projects.archive"), typed: row.name,
    run: async () => {
      set(await post(`${PROJECTS.path}/${encodeURIComponent(id)}/archive`));
      announce(t("projects.archived", { name: row.name }));
    },
  });
  const menu = (/** @type {any} */ row, /** @type {any} */ set) => [auditItem("project", id), canChange(row) && { label: t("projects.archive"), icon: "archive", danger: true, run: () => archive(row, set) }];
  const children = (/** @type {any} */ row) => !isActive(row) && html`<p class="muted">${t("projects.archived.text")}</p>`;
  return html`<${NounDetail} noun=${PROJECTS} id=${id} tabs=${tabs} menu=${menu}>${children}<//>`;
}
