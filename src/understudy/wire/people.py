"""Users, invites, users of projects, and roles. Source: the administration operations of the hosted API."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.organization import ObjectList

OrganizationRole = Literal["owner", "reader"]
ProjectRole = Literal["owner", "member"]
_Email = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=r"^\s*[^@\s]+@[^@\s]+\s*$", description="An email address.")
]
_RoleId = Annotated[str, Meta(max_length=64, description="The id of a predefined role.")]


class UserProject(Struct, kw_only=True):
    id: str
    name: str
    role: ProjectRole


class UserProjects(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[UserProject]


class NestedUser(Struct, kw_only=True):
    object: Literal["user"] = "user"
    id: str
    email: str | None
    name: str | None


class User(Struct, kw_only=True):
    """Someone who has signed in."""

    object: Literal["organization.user"] = "organization.user"
    id: str
    name: str | None
    email: str | None
    role: OrganizationRole
    added_at: int
    user: NestedUser
    projects: UserProjects


class UserList(ObjectList, kw_only=True):
    data: list[User]


class UpdateUserRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    role: OrganizationRole | None = None
    role_id: _RoleId | None = None


class DeletedUser(Struct, kw_only=True):
    id: str
    object: Literal["organization.user.deleted"] = "organization.user.deleted"
    deleted: bool = True


class InvitedProject(Struct, kw_only=True, forbid_unknown_fields=True):
    id: str
    role: ProjectRole


class Invite(Struct, kw_only=True):
    """`projects` are those in which the invited person becomes a user at the first sign-in."""

    object: Literal["organization.invite"] = "organization.invite"
    id: str
    email: str
    role: OrganizationRole
    status: Literal["accepted", "expired", "pending"]
    created_at: int
    expires_at: int
    accepted_at: int | None
    projects: list[InvitedProject]


class InviteList(ObjectList, kw_only=True):
    data: list[Invite]


class CreateInviteRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    email: _Email
    role: OrganizationRole
    projects: (
        Annotated[
            list[InvitedProject], Meta(max_length=100, description="The default project, as a member, when unset.")
        ]
        | UnsetType
    ) = UNSET


class DeletedInvite(Struct, kw_only=True):
    id: str
    object: Literal["organization.invite.deleted"] = "organization.invite.deleted"
    deleted: bool = True


class ProjectUser(Struct, kw_only=True):
    object: Literal["organization.project.user"] = "organization.project.user"
    id: str
    name: str | None
    email: str | None
    role: ProjectRole
    added_at: int


class ProjectUserList(ObjectList, kw_only=True):
    data: list[ProjectUser]


class CreateProjectUserRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Either `user_id` or `email` names the user."""

    user_id: Annotated[str, Meta(max_length=64)] | None = None
    email: _Email | None = None
    role: ProjectRole


class UpdateProjectUserRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    role: ProjectRole | None = None


class DeletedProjectUser(Struct, kw_only=True):
    id: str
    object: Literal["organization.project.user.deleted"] = "organization.project.user.deleted"
    deleted: bool = True


class Role(Struct, kw_only=True):
    """One of the four roles of this server."""

    object: Literal["role"] = "role"
    id: str
    name: str
    description: str | None
    permissions: list[str]
    resource_type: Literal["api.organization", "api.project"]
    predefined_role: bool = True


class RoleList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[Role]
    has_more: bool
    next: str | None


class AssignedRole(Struct, kw_only=True):
    id: str
    name: str
    permissions: list[str]
    resource_type: Literal["api.organization", "api.project"]
    predefined_role: bool = True
    description: str | None
    created_at: int | None = None
    updated_at: int | None = None
    created_by: str | None = None
    created_by_user_obj: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    assignment_sources: list[dict[str, str]] | None = None


class AssignedRoleList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[AssignedRole]
    has_more: bool
    next: str | None


class ListRolesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=0, le=1000, description="How many roles a page has at most.")] = 1000
    order: Annotated[Literal["asc", "desc"], Meta(description="From the most permissions, or from the fewest.")] = "asc"
    after: Annotated[str | None, Meta(description="The role before the page: `next` of the page before.")] = None


class AssignRoleRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    role_id: _RoleId


class UserRoleAssignment(Struct, kw_only=True):
    object: Literal["user.role"] = "user.role"
    user: User
    role: Role


class DeletedUserRole(Struct, kw_only=True):
    object: Literal["user.role.deleted"] = "user.role.deleted"
    deleted: bool = True
