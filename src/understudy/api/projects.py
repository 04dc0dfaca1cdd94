"""Projects and their spend limits over HTTP, for admin keys."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.errors import NotFound
from understudy.store.ledger import CREDITS_PER_USD
from understudy.store.projects import ProjectRecord, check_open
from understudy.store.spending import SpendLimit
from understudy.wire import queries
from understudy.wire.organization import (
    CreateProjectRequest,
    DeletedProjectSpendLimit,
    ListProjectsQuery,
    Project,
    ProjectList,
    ProjectSpendLimit,
    SpendLimitEnforcement,
    UpdateProjectRequest,
    UpdateProjectSpendLimitRequest,
)

operations = OperationGroup("Administration", audience="admin")

_CREDITS_PER_CENT = CREDITS_PER_USD // 100


@operations.add(
    "list-projects",
    "GET",
    "/organization/projects",
    summary="List the projects.",
    query=ListProjectsQuery,
    response=ProjectList,
)
async def list_projects(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListProjectsQuery)
    projects = parts_of(request).store.projects
    page = await projects.page(page_request(query), with_archived=query.include_archived)
    data = [_render_project(project) for project in page.records]
    return objects_response(ProjectList, data, has_more=page.has_more)


@operations.add(
    "create-project",
    "POST",
    "/organization/projects",
    summary="Create a project.",
    request=CreateProjectRequest,
    response=Project,
)
async def create_project(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateProjectRequest, parts.settings.limits)
    return struct_response(_render_project(await parts.store.projects.create(body.name, change_of(request))))


@operations.add(
    "retrieve-project",
    "GET",
    "/organization/projects/{project_id}",
    summary="Retrieve a project.",
    response=Project,
)
async def retrieve_project(request: Request) -> Response:
    return struct_response(_render_project(await parts_of(request).store.projects.get(named_project_of(request))))


@operations.add(
    "modify-project",
    "POST",
    "/organization/projects/{project_id}",
    summary="Rename a project.",
    request=UpdateProjectRequest,
    response=Project,
)
async def modify_project(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateProjectRequest, parts.settings.limits)
    if body.name is None:
        return struct_response(_render_project(await parts.store.projects.get(project_id)))
    return struct_response(
        _render_project(await parts.store.projects.rename(project_id, body.name, change_of(request)))
    )


@operations.add(
    "archive-project",
    "POST",
    "/organization/projects/{project_id}/archive",
    summary="Archive a project for good: its keys are refused from then on.",
    response=Project,
)
async def archive_project(request: Request) -> Response:
    archived = await parts_of(request).store.projects.archive(named_project_of(request), change_of(request))
    return struct_response(_render_project(archived))


@operations.add(
    "Getprojectspendlimit",
    "GET",
    "/organization/projects/{project_id}/spend_limit",
    summary="Retrieve the monthly spend limit of a project.",
    response=ProjectSpendLimit,
)
async def get_project_spend_limit(request: Request) -> Response:
    return struct_response(await _load_spend_limit(parts_of(request), named_project_of(request)))


@operations.add(
    "Updateprojectspendlimit",
    "POST",
    "/organization/projects/{project_id}/spend_limit",
    summary="Set the monthly spend limit of a project.",
    request=UpdateProjectSpendLimitRequest,
    response=ProjectSpendLimit,
)
async def update_project_spend_limit(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, UpdateProjectSpendLimitRequest, parts.settings.limits)
    limit = SpendLimit(project_id, body.threshold_amount * _CREDITS_PER_CENT, "month")
    check_open(await parts.store.projects.get(project_id))
    await parts.store.ledger.change_limit(project_id, project_id, limit, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(await _load_spend_limit(parts, project_id))


@operations.add(
    "Deleteprojectspendlimit",
    "DELETE",
    "/organization/projects/{project_id}/spend_limit",
    summary="Remove the spend limit of a project.",
    response=DeletedProjectSpendLimit,
)
async def delete_project_spend_limit(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await _load_spend_limit(parts, project_id)
    await parts.store.ledger.change_limit(project_id, project_id, None, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(DeletedProjectSpendLimit())


async def _load_spend_limit(parts: Parts, project_id: str) -> ProjectSpendLimit:
    """Raises NotFound for an unknown project, and for one without a limit."""
    await parts.store.projects.get(project_id)
    limit = await parts.store.ledger.limit(project_id)
    if limit is None:
        raise NotFound(f"Project {project_id!r} has no spend limit.")
    spent = await parts.store.ledger.spending(limit, project_id, parts.now())
    status = SpendLimitEnforcement(status="enforcing" if spent >= limit.credits else "inactive")
    return ProjectSpendLimit(threshold_amount=limit.credits // _CREDITS_PER_CENT, enforcement=status)


def _render_project(project: ProjectRecord) -> Project:
    return Project(
        id=project.id,
        name=project.name,
        created_at=project.created_at,
        archived_at=project.archived_at,
        status="active" if project.archived_at is None else "archived",
    )
