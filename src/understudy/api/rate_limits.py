"""Rate limits of models in a project over HTTP, for admin keys. Each model that a project may use has one."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import objects_response, read_json, struct_response
from understudy.engine.limits.policy import Policy
from understudy.errors import NotFound, not_found
from understudy.store.limits import METRICS, UNLIMITED, LimitChange, Metric
from understudy.store.projects import check_open
from understudy.wire import queries
from understudy.wire.project_limits import (
    NO_LIMIT,
    RATE_LIMIT_MEMBERS,
    ListRateLimitsQuery,
    ProjectRateLimit,
    ProjectRateLimitList,
    UpdateRateLimitRequest,
)

operations = OperationGroup("Administration", audience="admin")

_PREFIX: Final = "rl-"
_METRICS: Final[Mapping[str, Metric]] = {
    RATE_LIMIT_MEMBERS[metric]: metric for metric in METRICS if metric in RATE_LIMIT_MEMBERS
}


@operations.add(
    "list-project-rate-limits",
    "GET",
    "/organization/projects/{project_id}/rate_limits",
    summary="List the rate limits of a project, one for each model.",
    query=ListRateLimitsQuery,
    response=ProjectRateLimitList,
)
async def list_rate_limits(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListRateLimitsQuery)
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    models = await _list_models(parts, project_id)
    start = 0 if query.after is None else _find_position(models, query.after) + 1
    end = len(models) if query.before is None else _find_position(models, query.before)
    page = models[start:end][-query.limit :] if query.before is not None and query.after is None else models[start:end]
    policy = await parts.limiter.policies.load(project_id, "")
    data = [_render_rate_limit(policy, model) for model in page[: query.limit]]
    has_more = len(models[start:end]) > query.limit
    return objects_response(ProjectRateLimitList, data, has_more=has_more)


@operations.add(
    "update-project-rate-limits",
    "POST",
    "/organization/projects/{project_id}/rate_limits/{rate_limit_id:path}",
    summary="Change the rate limits of a model in a project.",
    request=UpdateRateLimitRequest,
    response=ProjectRateLimit,
)
async def update_rate_limit(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateRateLimitRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    rate_limit_id: str = request.path_params["rate_limit_id"]
    model = rate_limit_id.removeprefix(_PREFIX)
    if not rate_limit_id.startswith(_PREFIX) or await parts.models.find(model) is None:
        raise not_found("rate limit", rate_limit_id)
    requested = {member: amount for member in _METRICS if (amount := getattr(body, member)) is not UNSET}
    amounts = {_METRICS[member]: _to_stored(amount) for member, amount in requested.items()}
    if amounts:
        change = LimitChange(project_id, project_id, model, amounts, "rate_limit.updated", rate_limit_id, requested)
        await parts.store.limits.change(change, change_of(request))
        await parts.limiter.policies.announce()
    return struct_response(_render_rate_limit(await parts.limiter.policies.load(project_id, ""), model))


async def _list_models(parts: Parts, project_id: str) -> list[str]:
    """The models of the providers, and those with limits of their own."""
    own = {limit.model for limit in await parts.store.limits.list((project_id,)) if limit.model}
    models = own | {card.id for card in await parts.models.list()}
    return sorted(await parts.limiter.permissions.filter_models(project_id, models))


def _find_position(models: list[str], rate_limit_id: str) -> int:
    model = rate_limit_id.removeprefix(_PREFIX)
    if model not in models:
        raise NotFound(f"No rate limit found with id '{rate_limit_id}'.")
    return models.index(model)


def _to_stored(amount: int | None) -> int | None:
    return UNLIMITED if amount is not None and amount >= NO_LIMIT else amount


def _render_rate_limit(policy: Policy, model: str) -> ProjectRateLimit:
    amounts = {member: policy.amount("model", metric, (model,)) for member, metric in _METRICS.items()}
    rendered = ProjectRateLimit(
        id=f"{_PREFIX}{model}",
        model=model,
        max_requests_per_1_minute=amounts["max_requests_per_1_minute"] or NO_LIMIT,
        max_tokens_per_1_minute=amounts["max_tokens_per_1_minute"] or NO_LIMIT,
    )
    if (requests := amounts["max_requests_per_1_day"]) is not None:
        rendered.max_requests_per_1_day = requests
    if (tokens := amounts["batch_1_day_max_input_tokens"]) is not None:
        rendered.batch_1_day_max_input_tokens = tokens
    if (images := amounts["max_images_per_1_minute"]) is not None:
        rendered.max_images_per_1_minute = images
    if (megabytes := amounts["max_audio_megabytes_per_1_minute"]) is not None:
        rendered.max_audio_megabytes_per_1_minute = megabytes
    return rendered
