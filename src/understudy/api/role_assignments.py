"""Roles and the roles of users over HTTP, for admin keys. A user has exactly one in the organization or a project."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api import roles
from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, named_project_of, named_user_of, parts_of
from understudy.api.requests import read_json, struct_response
from understudy.api.users import render_user
from understudy.errors.objects import role_not_removable
from understudy.wire import queries
from understudy.wire.people import (
    AssignedRole,
    AssignedRoleList,
    AssignRoleRequest,
    DeletedUserRole,
    ListRolesQuery,
    Role,
    RoleList,
    UserRoleAssignment,
)

operations = OperationGroup("Administration", audience="admin")

_ROLES = [*roles.ORGANIZATION_ROLES.values()]
_PROJECT_ROLES = [*roles.PROJECT_ROLES.values()]


@operations.add(
    "list-roles",
    "GET",
    "/organization/roles",
    summary="List the roles of the organization.",
    query=ListRolesQuery,
    response=RoleList,
)
async def list_roles(request: Request) -> Response:
    return _role_list(request, _ROLES)


@operations.add(
    "retrieve-role",
    "GET",
    "/organization/roles/{role_id}",
    summary="Retrieve a role of the organization.",
    response=Role,
)
async def retrieve_role(request: Request) -> Response:
    return struct_response(roles.get_role(_ROLES, _role_id(request)))


@operations.add(
    "list-user-role-assignments",
    "GET",
    "/organization/users/{user_id}/roles",
    summary="List the role of a user in the organization.",
    query=ListRolesQuery,
    response=AssignedRoleList,
)
async def list_user_roles(request: Request) -> Response:
    return _assignment_list(request, [await _load_role(request)])


@operations.add(
    "assign-user-role",
    "POST",
    "/organization/users/{user_id}/roles",
    summary="Set the role of a user in the organization.",
    request=AssignRoleRequest,
    response=UserRoleAssignment,
)
async def assign_user_role(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, AssignRoleRequest, parts.settings.limits)
    role = roles.find_role(roles.ORGANIZATION_ROLES, body.role_id)
    user = await parts.store.users.change_role(named_user_of(request), role, change_of(request))
    return struct_response(UserRoleAssignment(user=render_user(user), role=roles.ORGANIZATION_ROLES[role]))


@operations.add(
    "retrieve-user-role",
    "GET",
    "/organization/users/{user_id}/roles/{role_id}",
    summary="Retrieve the role of a user in the organization.",
    response=AssignedRole,
)
async def retrieve_user_role(request: Request) -> Response:
    return struct_response(roles.render_assigned(roles.get_role([await _load_role(request)], _role_id(request))))


@operations.add(
    "unassign-user-role",
    "DELETE",
    "/organization/users/{user_id}/roles/{role_id}",
    summary="Make an owner of the organization a reader.",
    response=DeletedUserRole,
)
async def unassign_user_role(request: Request) -> Response:
    role = roles.get_role([await _load_role(request)], _role_id(request))
    if role is roles.ORGANIZATION_ROLES["reader"]:
        raise role_not_removable(role.id)
    await parts_of(request).store.users.change_role(named_user_of(request), "reader", change_of(request))
    return struct_response(DeletedUserRole())


@operations.add(
    "list-project-roles",
    "GET",
    "/projects/{project_id}/roles",
    summary="List the roles of a project.",
    query=ListRolesQuery,
    response=RoleList,
)
async def list_project_roles(request: Request) -> Response:
    await parts_of(request).store.projects.get(named_project_of(request))
    return _role_list(request, _PROJECT_ROLES)


@operations.add(
    "retrieve-project-role",
    "GET",
    "/projects/{project_id}/roles/{role_id}",
    summary="Retrieve a role of a project.",
    response=Role,
)
async def retrieve_project_role(request: Request) -> Response:
    await parts_of(request).store.projects.get(named_project_of(request))
    return struct_response(roles.get_role(_PROJECT_ROLES, _role_id(request)))


@operations.add(
    "list-project-user-role-assignments",
    "GET",
    "/projects/{project_id}/users/{user_id}/roles",
    summary="List the role of a user in a project.",
    query=ListRolesQuery,
    response=AssignedRoleList,
)
async def list_project_user_roles(request: Request) -> Response:
    return _assignment_list(request, [await _load_project_role(request)])


@operations.add(
    "assign-project-user-role",
    "POST",
    "/projects/{project_id}/users/{user_id}/roles",
    summary="Set the role of a user in a project.",
    request=AssignRoleRequest,
    response=UserRoleAssignment,
)
async def assign_project_user_role(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, AssignRoleRequest, parts.settings.limits)
    role = roles.find_role(roles.PROJECT_ROLES, body.role_id)
    await parts.store.project_users.assign_role(
        named_project_of(request), named_user_of(request), role, change_of(request)
    )
    user = await parts.store.users.get(named_user_of(request))
    return struct_response(UserRoleAssignment(user=render_user(user), role=roles.PROJECT_ROLES[role]))


@operations.add(
    "retrieve-project-user-role",
    "GET",
    "/projects/{project_id}/users/{user_id}/roles/{role_id}",
    summary="Retrieve the role of a user in a project.",
    response=AssignedRole,
)
async def retrieve_project_user_role(request: Request) -> Response:
    role = roles.get_role([await _load_project_role(request)], _role_id(request))
    return struct_response(roles.render_assigned(role))


@operations.add(
    "unassign-project-user-role",
    "DELETE",
    "/projects/{project_id}/users/{user_id}/roles/{role_id}",
    summary="Remove a user from a project by removing the role there.",
    response=DeletedUserRole,
)
async def unassign_project_user_role(request: Request) -> Response:
    roles.get_role([await _load_project_role(request)], _role_id(request))
    users = parts_of(request).store.project_users
    await users.remove(named_project_of(request), named_user_of(request), change_of(request))
    return struct_response(DeletedUserRole())


async def _load_role(request: Request) -> Role:
    user = await parts_of(request).store.users.get(named_user_of(request))
    return roles.ORGANIZATION_ROLES[user.role]


async def _load_project_role(request: Request) -> Role:
    user = await parts_of(request).store.project_users.get(named_project_of(request), named_user_of(request))
    return roles.PROJECT_ROLES[user.role]


def _role_list(request: Request, listed: list[Role]) -> Response:
    query = queries.parse(request.scope["query_string"], ListRolesQuery)
    data, has_more, following = roles.page_roles(listed, query)
    return struct_response(RoleList(data=data, has_more=has_more, next=following))


def _assignment_list(request: Request, listed: list[Role]) -> Response:
    query = queries.parse(request.scope["query_string"], ListRolesQuery)
    data, has_more, following = roles.page_roles(listed, query)
    assigned = [roles.render_assigned(role) for role in data]
    return struct_response(AssignedRoleList(data=assigned, has_more=has_more, next=following))


def _role_id(request: Request) -> str:
    role_id: str = request.path_params["role_id"]
    return role_id
