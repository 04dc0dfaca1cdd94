"""Users over HTTP, for admin keys: those who have signed in, and their role in the organization."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, named_user_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.api.roles import ORGANIZATION_ROLES, find_role
from understudy.store.users import UserRecord
from understudy.wire import queries
from understudy.wire.people import (
    DeletedUser,
    NestedUser,
    UpdateUserRequest,
    User,
    UserList,
    UserProject,
    UserProjects,
)

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-users",
    "GET",
    "/organization/users",
    summary="List the users: those who have signed in.",
    query=queries.ListUsersQuery,
    response=UserList,
)
async def list_users(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListUsersQuery)
    page = await parts_of(request).store.users.page(page_request(query), query.emails)
    data = [render_user(user) for user in page.records]
    return objects_response(UserList, data, has_more=page.has_more)


@operations.add(
    "retrieve-user",
    "GET",
    "/organization/users/{user_id}",
    summary="Retrieve a user.",
    response=User,
)
async def retrieve_user(request: Request) -> Response:
    return struct_response(render_user(await parts_of(request).store.users.get(named_user_of(request))))


@operations.add(
    "modify-user",
    "POST",
    "/organization/users/{user_id}",
    summary="Change the role of a user in the organization.",
    request=UpdateUserRequest,
    response=User,
)
async def modify_user(request: Request) -> Response:
    parts, user_id = parts_of(request), named_user_of(request)
    body = await read_json(request, UpdateUserRequest, parts.settings.limits)
    role = body.role
    if body.role_id is not None:
        role = find_role(ORGANIZATION_ROLES, body.role_id)
    if role is None:
        return struct_response(render_user(await parts.store.users.get(user_id)))
    return struct_response(render_user(await parts.store.users.change_role(user_id, role, change_of(request))))


@operations.add(
    "delete-user",
    "DELETE",
    "/organization/users/{user_id}",
    summary="Delete a user, who needs an invite to come back.",
    response=DeletedUser,
)
async def delete_user(request: Request) -> Response:
    await parts_of(request).store.users.delete(named_user_of(request), change_of(request))
    return struct_response(DeletedUser(id=named_user_of(request)))


def render_user(user: UserRecord) -> User:
    email = user.email or None
    places = [UserProject(id=one.project_id, name=one.project_name, role=one.role) for one in user.projects]
    return User(
        id=user.id,
        name=user.name,
        email=email,
        role=user.role,
        added_at=user.added_at,
        user=NestedUser(id=user.id, email=email, name=user.name),
        projects=UserProjects(data=places),
    )
