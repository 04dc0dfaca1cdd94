"""Which models and hosted tools a project may use, over HTTP, for admin keys."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import read_json, struct_response
from understudy.store.permissions import HOSTED_TOOLS, ModelPermissions
from understudy.store.projects import check_open
from understudy.wire.project_permissions import (
    DeletedModelPermissions,
    HostedToolPermission,
    HostedToolPermissions,
    ProjectModelPermissions,
    UpdateHostedToolPermissionsRequest,
    UpdateModelPermissionsRequest,
)

operations = OperationGroup("Administration", audience="admin")

_PERMITS_ALL = ModelPermissions("deny_list", ())


@operations.add(
    "retrieve-project-model-permissions",
    "GET",
    "/organization/projects/{project_id}/model_permissions",
    summary="Retrieve which models a project may use.",
    response=ProjectModelPermissions,
)
async def get_model_permissions(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    return struct_response(_render_models((await parts.store.permissions.get(project_id)).models))


@operations.add(
    "update-project-model-permissions",
    "POST",
    "/organization/projects/{project_id}/model_permissions",
    summary="Set which models a project may use.",
    request=UpdateModelPermissionsRequest,
    response=ProjectModelPermissions,
)
async def update_model_permissions(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateModelPermissionsRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    models = ModelPermissions(body.mode, tuple(dict.fromkeys(body.model_ids)))
    await parts.store.permissions.set_models(project_id, models, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(_render_models(models))


@operations.add(
    "delete-project-model-permissions",
    "DELETE",
    "/organization/projects/{project_id}/model_permissions",
    summary="Let a project use all models.",
    response=DeletedModelPermissions,
)
async def delete_model_permissions(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    has_some = (await parts.store.permissions.get(project_id)).models is not None
    if has_some:
        await parts.store.permissions.set_models(project_id, None, change_of(request))
        await parts.limiter.policies.announce()
    return struct_response(DeletedModelPermissions(deleted=has_some))


@operations.add(
    "retrieve-project-hosted-tool-permissions",
    "GET",
    "/organization/projects/{project_id}/hosted_tool_permissions",
    summary="Retrieve which hosted tools a project may use.",
    response=HostedToolPermissions,
)
async def get_tool_permissions(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    return struct_response(await _load_tools(parts, project_id))


@operations.add(
    "update-project-hosted-tool-permissions",
    "POST",
    "/organization/projects/{project_id}/hosted_tool_permissions",
    summary="Set which hosted tools a project may use.",
    request=UpdateHostedToolPermissionsRequest,
    response=HostedToolPermissions,
)
async def update_tool_permissions(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateHostedToolPermissionsRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    disabled = set((await parts.store.permissions.get(project_id)).disabled_tools)
    for tool in HOSTED_TOOLS:
        permission = getattr(body, tool)
        if isinstance(permission, HostedToolPermission):
            (disabled.discard if permission.enabled else disabled.add)(tool)
    await parts.store.permissions.set_tools(project_id, disabled, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(await _load_tools(parts, project_id))


async def _load_tools(parts: Parts, project_id: str) -> HostedToolPermissions:
    disabled = (await parts.store.permissions.get(project_id)).disabled_tools
    return HostedToolPermissions(**{tool: HostedToolPermission(enabled=tool not in disabled) for tool in HOSTED_TOOLS})


def _render_models(models: ModelPermissions | None) -> ProjectModelPermissions:
    permissions = models or _PERMITS_ALL
    return ProjectModelPermissions(mode=permissions.mode, model_ids=list(permissions.model_ids))
