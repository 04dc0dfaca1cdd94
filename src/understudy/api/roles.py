"""The four predefined roles. Knows no operation."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from understudy.api.access import MANAGEMENT, SCOPES
from understudy.errors import InvalidRequest, not_found
from understudy.store.roles import OrganizationRole, ProjectRole
from understudy.wire.people import AssignedRole, ListRolesQuery, Role

Name = TypeVar("Name", OrganizationRole, ProjectRole)
_SCOPES: Final = sorted(SCOPES)
_MANAGEMENT: Final = [f"{MANAGEMENT}.read", f"{MANAGEMENT}.write"]

ORGANIZATION_ROLES: Final[dict[OrganizationRole, Role]] = {
    "owner": Role(
        id="role_organization_owner",
        name="owner",
        description="Administers the organization, and may do everything in all projects.",
        permissions=[*_MANAGEMENT, *_SCOPES],
        resource_type="api.organization",
    ),
    "reader": Role(
        id="role_organization_reader",
        name="reader",
        description="May do what its roles in projects allow.",
        permissions=[],
        resource_type="api.organization",
    ),
}
PROJECT_ROLES: Final[dict[ProjectRole, Role]] = {
    "owner": Role(
        id="role_project_owner",
        name="owner",
        description="May do everything in the project, and administers its users and keys.",
        permissions=[*_MANAGEMENT, *_SCOPES],
        resource_type="api.project",
    ),
    "member": Role(
        id="role_project_member",
        name="member",
        description="May do everything in the project.",
        permissions=_SCOPES,
        resource_type="api.project",
    ),
}


def find_role(roles: Mapping[Name, Role], role_id: str) -> Name:
    """The name of the role, of `ORGANIZATION_ROLES` or `PROJECT_ROLES`. Raises InvalidRequest for an unknown id."""
    for name, role in roles.items():
        if role.id == role_id:
            return name
    known = ", ".join(role.id for role in roles.values())
    raise InvalidRequest(
        f"Invalid 'role_id': {role_id!r} is not a role here. Roles are {known}.", param="role_id", code="invalid_value"
    )


def get_role(roles: Sequence[Role], role_id: str) -> Role:
    """Raises NotFound."""
    for role in roles:
        if role.id == role_id:
            return role
    raise not_found("role", role_id)


def page_roles(roles: Sequence[Role], query: ListRolesQuery) -> tuple[list[Role], bool, str | None]:
    """The roles of a page, whether more follow, and the cursor of the next page. Raises NotFound for a cursor."""
    ordered = [*roles] if query.order == "asc" else [*reversed(roles)]
    if query.after is not None:
        ordered = ordered[ordered.index(get_role(roles, query.after)) + 1 :]
    page = ordered[: query.limit]
    has_more = len(ordered) > len(page)
    return page, has_more, page[-1].id if has_more and page else None


def render_assigned(role: Role) -> AssignedRole:
    members = msgspec.structs.asdict(role)
    del members["object"]
    return AssignedRole(**members)
