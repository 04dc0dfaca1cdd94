"""Limits of projects and of their keys over HTTP, for admin keys; the commands `limits` use them."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import read_json, struct_response
from understudy.engine.limits.policy import Owner
from understudy.store.audit_logs import Change
from understudy.store.limits import METRICS, UNLIMITED, Metric, describe_change
from understudy.store.projects import check_open
from understudy.wire.project_limits import (
    Amount,
    EffectiveKeyLimits,
    EffectiveProjectLimits,
    KeyLimitAmounts,
    KeyLimits,
    KeyLimitUsage,
    ProjectLimitAmounts,
    ProjectLimits,
    ProjectLimitUsage,
    UpdateKeyLimitsRequest,
    UpdateProjectLimitsRequest,
)

operations = OperationGroup(EXTENSIONS, audience="admin")


@operations.add(
    "getProjectLimits",
    "GET",
    "/organization/projects/{project_id}/limits",
    summary="Retrieve the limits of a project.",
    response=ProjectLimits,
)
async def get_project_limits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    return struct_response(await _load_project_limits(parts, project_id))


@operations.add(
    "updateProjectLimits",
    "POST",
    "/organization/projects/{project_id}/limits",
    summary="Change limits of a project; absent members stay.",
    request=UpdateProjectLimitsRequest,
    response=ProjectLimits,
)
async def update_project_limits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateProjectLimitsRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    await _change_limits(parts, project_id, project_id, body, change_of(request))
    return struct_response(await _load_project_limits(parts, project_id))


@operations.add(
    "getProjectApiKeyLimits",
    "GET",
    "/organization/projects/{project_id}/api_keys/{api_key_id}/limits",
    summary="Retrieve the limits of an API key.",
    response=KeyLimits,
)
async def get_key_limits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    key = await parts.store.keys.get(project_id, request.path_params["api_key_id"])
    return struct_response(await _load_key_limits(parts, project_id, key.id))


@operations.add(
    "updateProjectApiKeyLimits",
    "POST",
    "/organization/projects/{project_id}/api_keys/{api_key_id}/limits",
    summary="Change limits of an API key; absent members stay.",
    request=UpdateKeyLimitsRequest,
    response=KeyLimits,
)
async def update_key_limits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateKeyLimitsRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    key = await parts.store.keys.get(project_id, request.path_params["api_key_id"])
    await _change_limits(parts, project_id, key.id, body, change_of(request))
    return struct_response(await _load_key_limits(parts, project_id, key.id))


async def _change_limits(
    parts: Parts, project_id: str, scope: str, body: UpdateKeyLimitsRequest, change: Change
) -> None:
    requested: dict[Metric, Amount] = {
        metric: amount for metric in METRICS if (amount := getattr(body, metric, UNSET)) is not UNSET
    }
    if requested:
        amounts = {metric: _to_stored(amount) for metric, amount in requested.items()}
        await parts.store.limits.change(describe_change(scope, project_id, "", amounts), change)
        await parts.limiter.policies.announce()


async def _load_project_limits(parts: Parts, project_id: str) -> ProjectLimits:
    own, effective = await _load_amounts(parts, project_id, "", "project")
    size = await parts.store.project_sizes.get(project_id)
    return ProjectLimits(
        project_id=project_id,
        limits=msgspec.convert(own, ProjectLimitAmounts),
        effective=msgspec.convert(effective, EffectiveProjectLimits),
        usage=ProjectLimitUsage(
            concurrent_runs=await parts.store.project_sizes.count_active_runs(project_id),
            stored_bytes=size.bytes,
            vector_stores=size.vector_stores,
        ),
    )


async def _load_key_limits(parts: Parts, project_id: str, key_id: str) -> KeyLimits:
    own, effective = await _load_amounts(parts, project_id, key_id, "key")
    return KeyLimits(
        project_id=project_id,
        api_key_id=key_id,
        limits=msgspec.convert(own, KeyLimitAmounts),
        effective=msgspec.convert(effective, EffectiveKeyLimits),
        usage=KeyLimitUsage(concurrent_runs=await parts.store.project_sizes.count_active_runs(project_id, key_id)),
    )


async def _load_amounts(
    parts: Parts, project_id: str, key_id: str, owner: Owner
) -> tuple[Mapping[str, Amount], Mapping[str, int | None]]:
    """The limits of the project or the key itself, and those that apply, by metric."""
    policy = await parts.limiter.policies.load(project_id, key_id)
    shape = ProjectLimitAmounts if owner == "project" else KeyLimitAmounts
    metrics: tuple[Metric, ...] = shape.__struct_fields__  # type: ignore[assignment]  # the same names
    own: dict[str, Amount] = dict.fromkeys(metrics)
    for limit in await parts.store.limits.list((key_id or project_id,)):
        if not limit.model:
            own[limit.metric] = "unlimited" if limit.amount == UNLIMITED else limit.amount
    return own, {metric: policy.amount(owner, metric) for metric in metrics}


def _to_stored(amount: Amount) -> int | None:
    return UNLIMITED if isinstance(amount, str) else amount
