/** The first visit in three steps; each of them works, and what is done has a tick. */
import { get } from "../../api/client.js";
import { route, setQuery } from "../../app/router.js";
import { changeSettings } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Button } from "../../ui/button.js";
import { ErrorNote } from "../../ui/error_note.js";
import { Page } from "../../ui/page.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";
import { AssistantStep } from "./assistant_step.js";
import { ConnectProgram } from "./connect_program.js";
import { ModelStep } from "./model_step.js";
import { QuestionStep } from "./question_step.js";

const CHAT = { type: "chat-completion" };

/** @param {{hasRuns: boolean}} props */
export function FirstSteps({ hasRuns }) {
  const models = useResource("/models", CHAT);
  const assistants = useResource("/assistants", { limit: 1 });
  const health = useResource("/organization/health");
  const providers = useResource("/organization/providers");
  const error = models.error ?? assistants.error;
  const retry = () => {
    models.reload();
    assistants.reload();
  };
  const rows = models.data?.data ?? [];
  const assistant = assistants.data?.data[0] ?? null;
  const current = !rows.length ? 1 : assistant === null ? 2 : hasRuns ? 0 : 3;
  const leave = () => {
    changeSettings({ skipsFirstSteps: true });
    setQuery({ steps: null, example: null });
  };
  const actions = html`<${Button} kind="quiet" onClick=${leave}>${t(hasRuns || route.value.query.has("steps") ? "start.leave" : "start.skip")}<//>`;
  return html`<${Page} title=${t("start.welcome")} actions=${actions}>
    <div class="start">
      <p class="start-lead">${t("start.welcome.text")}</p>
      ${error !== null && html`<${ErrorNote} error=${error} onRetry=${retry} />`}
      ${error === null && !(models.data && assistants.data) && html`<${Skeleton} rows=${8} />`}
      ${models.data && assistants.data && html`<ol class="steps" aria-label=${t("start.steps")}>
        <${ModelStep} models=${rows} providers=${providers.data?.data ?? []} isCurrent=${current === 1} onCheck=${async () => models.set(await get("/models", CHAT))} />
        <${AssistantStep} assistant=${assistant} models=${rows} canRunCode=${health.data?.sandbox?.available !== false} isCurrent=${current === 2}
          onCreated=${(/** @type {any} */ created) => assistants.set({ data: [created] })} />
        <${QuestionStep} assistant=${assistant} isDone=${hasRuns} isCurrent=${current === 3} /></ol>`}
      <${ConnectProgram} />
    </div>
  <//>`;
}
