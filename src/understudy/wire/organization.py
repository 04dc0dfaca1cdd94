"""Projects, keys, service accounts and the audit log. Source: the administration operations of the hosted API."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.queries import ListQuery

_YEAR = 31_536_000
_Name = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\S")]
_Lifetime = Annotated[int, Meta(ge=1, le=_YEAR, description="After how many seconds the key expires.")]
_Scopes = Annotated[
    list[Annotated[str, Meta(max_length=64)]],
    Meta(
        max_length=64,
        description="What the key may do: `api.RESOURCE.read` or `.write`, `model.request`, `api.all.read`;"
        " an empty list is everything in its project.",
    ),
]
Role = Literal["owner", "member", "none"]


class ObjectList(Struct, kw_only=True):
    """The envelope of a page; each list adds `data`."""

    object: Literal["list"] = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool


class KeyOwnerUser(Struct, kw_only=True):
    """The operator of this server, who owns the keys that no service account has."""

    id: str = "user-operator"
    email: str = ""
    name: str = "operator"
    created_at: int = 0
    role: str = "owner"


class AdminKeyOwner(Struct, kw_only=True):
    type: Literal["user"] = "user"
    object: Literal["organization.user"] = "organization.user"
    id: str = "user-operator"
    name: str = "operator"
    created_at: int
    role: Literal["owner"] = "owner"


class AdminApiKey(Struct, kw_only=True):
    object: Literal["organization.admin_api_key"] = "organization.admin_api_key"
    id: str
    name: str | None
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    owner: AdminKeyOwner


class CreatedAdminApiKey(AdminApiKey, kw_only=True):
    """Only this object contains the key."""

    value: str


class AdminApiKeyList(ObjectList, kw_only=True):
    data: list[AdminApiKey]


class CreateAdminApiKeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name
    expires_in_seconds: _Lifetime | None = None


class DeletedAdminApiKey(Struct, kw_only=True):
    id: str
    object: Literal["organization.admin_api_key.deleted"] = "organization.admin_api_key.deleted"
    deleted: bool = True


class Project(Struct, kw_only=True):
    id: str
    object: Literal["organization.project"] = "organization.project"
    name: str | None
    created_at: int
    archived_at: int | None
    status: Literal["active", "archived"]


class ProjectList(ObjectList, kw_only=True):
    data: list[Project]


class ListProjectsQuery(ListQuery, frozen=True, kw_only=True):
    include_archived: Annotated[bool, Meta(description="Whether to list archived projects too.")] = False


class CreateProjectRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name


class UpdateProjectRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name | None = None


class KeyOwnerServiceAccount(Struct, kw_only=True):
    id: str
    name: str
    created_at: int
    role: str


class ProjectKeyOwner(Struct, kw_only=True):
    type: Literal["user", "service_account"]
    user: KeyOwnerUser | UnsetType = UNSET
    service_account: KeyOwnerServiceAccount | UnsetType = UNSET


class ProjectApiKey(Struct, kw_only=True):
    """`scopes`, and the members of the old secret after a rotation, are this server's own."""

    object: Literal["organization.project.api_key"] = "organization.project.api_key"
    id: str
    redacted_value: str
    name: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    owner_project_access: Literal["active", "inactive"] = "active"
    owner: ProjectKeyOwner
    scopes: list[str]
    old_secret_expires_at: int | UnsetType = UNSET
    old_secret_last_used_at: int | UnsetType | None = UNSET


class CreatedProjectApiKey(ProjectApiKey, kw_only=True):
    """Only this object contains the key."""

    value: str


class ProjectApiKeyList(ObjectList, kw_only=True):
    data: list[ProjectApiKey]


class ListProjectKeysQuery(ListQuery, frozen=True, kw_only=True):
    owner_project_access: Annotated[
        Literal["active", "inactive", "any"], Meta(description="Every owner has access here.")
    ] = "any"


class CreateProjectKeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name
    scopes: _Scopes = []
    expires_in_seconds: _Lifetime | None = None


class UpdateProjectKeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is absent keeps its value; `expires_in_seconds` null is for ever."""

    scopes: _Scopes | UnsetType = UNSET
    expires_in_seconds: _Lifetime | UnsetType | None = UNSET


class RotateProjectKeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    overlap_seconds: Annotated[
        int, Meta(ge=0, le=30 * 86_400, description="How long the old secret is valid; a day, when unset.")
    ] = 86_400


class DeletedProjectApiKey(Struct, kw_only=True):
    id: str
    object: Literal["organization.project.api_key.deleted"] = "organization.project.api_key.deleted"
    deleted: bool = True


class ServiceAccount(Struct, kw_only=True):
    id: str
    object: Literal["organization.project.service_account"] = "organization.project.service_account"
    name: str
    role: Role
    created_at: int


class ServiceAccountList(ObjectList, kw_only=True):
    data: list[ServiceAccount]


class ServiceAccountKey(Struct, kw_only=True):
    """Only this object contains the key."""

    id: str
    object: Literal["organization.project.service_account.api_key"] = "organization.project.service_account.api_key"
    name: str
    created_at: int
    value: str


class CreatedServiceAccount(ServiceAccount, kw_only=True):
    api_key: ServiceAccountKey | None


class CreateServiceAccountRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name
    create_service_account_only: bool | None = None


class UpdateServiceAccountRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name | None = None
    role: Role | None = None


class CreateServiceAccountKeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    name: _Name = "unnamed"
    scopes: _Scopes | None = None
    expires_in_seconds: _Lifetime | None = None


class DeletedServiceAccount(Struct, kw_only=True):
    id: str
    object: Literal["organization.project.service_account.deleted"] = "organization.project.service_account.deleted"
    deleted: bool = True


class SpendLimitEnforcement(Struct, kw_only=True):
    """`enforcing`: the limit of this month is reached, and requests that cost are refused."""

    status: Literal["inactive", "enforcing"]


class ProjectSpendLimit(Struct, kw_only=True):
    object: Literal["project.spend_limit"] = "project.spend_limit"
    threshold_amount: int
    currency: Literal["USD"] = "USD"
    interval: Literal["month"] = "month"
    enforcement: SpendLimitEnforcement


class UpdateProjectSpendLimitRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    threshold_amount: Annotated[int, Meta(ge=0, le=10**12, description="In US cents.")]
    currency: Literal["USD"]
    interval: Literal["month"]


class DeletedProjectSpendLimit(Struct, kw_only=True):
    object: Literal["project.spend_limit.deleted"] = "project.spend_limit.deleted"
    deleted: bool = True


class AuditLogEntry(Struct, kw_only=True):
    """The entry has one more member, which is named like its type and has the details."""

    id: str
    type: str
    effective_at: int
    project: dict[str, str] | UnsetType = UNSET
    actor: dict[str, Any]


class AuditLogList(ObjectList, kw_only=True):
    data: list[AuditLogEntry]


class ListAuditLogsQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many entries a page has at most.")] = 20
    after: Annotated[str | None, Meta(description="The entry before the page: its id.")] = None
    before: Annotated[str | None, Meta(description="The entry after the page: its id.")] = None
    effective_at: Annotated[
        dict[Literal["gt", "gte", "lt", "lte"], str], Meta(description="Only entries of this time, in Unix seconds.")
    ] = {}
    project_ids: Annotated[list[str], Meta(max_length=100, description="Only entries of these projects.")] = []
    event_types: Annotated[list[str], Meta(max_length=100, description="Only entries of these types.")] = []
    actor_ids: Annotated[list[str], Meta(max_length=100, description="Only changes by these keys or users.")] = []
    actor_emails: Annotated[list[str], Meta(max_length=100, description="Only changes by these users.")] = []
    resource_ids: Annotated[list[str], Meta(max_length=100, description="Only changes of these objects.")] = []
