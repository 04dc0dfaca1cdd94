"""The users of a project over HTTP, for admin keys."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, named_project_of, named_user_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.errors import InvalidRequest
from understudy.store.project_users import ProjectUserRecord
from understudy.wire import queries
from understudy.wire.people import (
    CreateProjectUserRequest,
    DeletedProjectUser,
    ProjectUser,
    ProjectUserList,
    UpdateProjectUserRequest,
)

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-project-users",
    "GET",
    "/organization/projects/{project_id}/users",
    summary="List the users of a project.",
    query=queries.ListQuery,
    response=ProjectUserList,
)
async def list_project_users(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    page = await parts_of(request).store.project_users.page(named_project_of(request), page_request(query))
    data = [_render_user(user) for user in page.records]
    return objects_response(ProjectUserList, data, has_more=page.has_more)


@operations.add(
    "create-project-user",
    "POST",
    "/organization/projects/{project_id}/users",
    summary="Add a user to a project.",
    request=CreateProjectUserRequest,
    response=ProjectUser,
)
async def create_project_user(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateProjectUserRequest, parts.settings.limits)
    if body.user_id is None and body.email is None:
        raise InvalidRequest("Missing required parameter: 'user_id' or 'email'.", param="user_id")
    user = await parts.store.project_users.add(
        named_project_of(request), body.user_id, body.email, body.role, change_of(request)
    )
    return struct_response(_render_user(user))


@operations.add(
    "retrieve-project-user",
    "GET",
    "/organization/projects/{project_id}/users/{user_id}",
    summary="Retrieve a user of a project.",
    response=ProjectUser,
)
async def retrieve_project_user(request: Request) -> Response:
    users = parts_of(request).store.project_users
    return struct_response(_render_user(await users.get(named_project_of(request), named_user_of(request))))


@operations.add(
    "modify-project-user",
    "POST",
    "/organization/projects/{project_id}/users/{user_id}",
    summary="Change the role of a user in a project.",
    request=UpdateProjectUserRequest,
    response=ProjectUser,
)
async def modify_project_user(request: Request) -> Response:
    parts, where = parts_of(request), (named_project_of(request), named_user_of(request))
    body = await read_json(request, UpdateProjectUserRequest, parts.settings.limits)
    if body.role is None:
        return struct_response(_render_user(await parts.store.project_users.get(*where)))
    return struct_response(
        _render_user(await parts.store.project_users.change_role(*where, body.role, change_of(request)))
    )


@operations.add(
    "delete-project-user",
    "DELETE",
    "/organization/projects/{project_id}/users/{user_id}",
    summary="Remove a user from a project.",
    response=DeletedProjectUser,
)
async def delete_project_user(request: Request) -> Response:
    users = parts_of(request).store.project_users
    await users.remove(named_project_of(request), named_user_of(request), change_of(request))
    return struct_response(DeletedProjectUser(id=named_user_of(request)))


def _render_user(user: ProjectUserRecord) -> ProjectUser:
    return ProjectUser(id=user.id, name=user.name, email=user.email or None, role=user.role, added_at=user.added_at)
