/** The first page: the first steps until there is something to look at, then an overview. */
import { route } from "../../app/router.js";
import { settings } from "../../state/settings.js";
import { t } from "../../text/texts.js";
import { Lazy } from "../../ui/lazy.js";
import { Page } from "../../ui/page.js";
import { useResource } from "../../ui/resource.js";
import { Skeleton } from "../../ui/states.js";
import { html } from "../../ui/view.js";
import { Overview } from "./overview.js";

export const style = "start.css";

const loadSteps = () => import("./first_steps.js").then((module) => module.FirstSteps);

export default function StartPage() {
  const runs = useResource("/runs", { limit: 1 });
  const responses = useResource("/responses", { limit: 1 });
  const isLoading = [runs, responses].some((one) => one.data === null && one.error === null);
  const hasRuns = Boolean(runs.data?.data.length);
  const isVisited = hasRuns || Boolean(responses.data?.data.length) || settings.value.skipsFirstSteps;
  const loading = html`<${Page} title=${t("start.title")}><${Skeleton} rows=${8} /><//>`;
  const steps = html`<${Lazy} load=${loadSteps} before=${loading} hasRuns=${hasRuns} />`;
  if (route.value.query.has("steps")) return steps;
  if (isLoading && !settings.value.skipsFirstSteps) return loading;
  return isVisited ? html`<${Overview} />` : steps;
}
