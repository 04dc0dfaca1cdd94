"""Which models and hosted tools a project may use. Source: the administration operations of the hosted API."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

_ModelIds = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=256)]],
    Meta(max_length=2000, description="Ids of models; any id of a model stands for all of its ids."),
]


class ProjectModelPermissions(Struct, kw_only=True):
    """A project without permissions of its own has an empty list of denied models."""

    object: Literal["project.model_permissions"] = "project.model_permissions"
    mode: Literal["allow_list", "deny_list"]
    model_ids: list[str]


class UpdateModelPermissionsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    mode: Literal["allow_list", "deny_list"]
    model_ids: _ModelIds


class DeletedModelPermissions(Struct, kw_only=True):
    """`deleted` is false if the project had none."""

    object: Literal["project.model_permissions.deleted"] = "project.model_permissions.deleted"
    deleted: bool


class HostedToolPermission(Struct, kw_only=True, forbid_unknown_fields=True):
    enabled: bool


class HostedToolPermissions(Struct, kw_only=True):
    file_search: HostedToolPermission
    web_search: HostedToolPermission
    image_generation: HostedToolPermission
    mcp: HostedToolPermission
    code_interpreter: HostedToolPermission


class UpdateHostedToolPermissionsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Absent tools, and null, stay as they are."""

    file_search: HostedToolPermission | UnsetType | None = UNSET
    web_search: HostedToolPermission | UnsetType | None = UNSET
    image_generation: HostedToolPermission | UnsetType | None = UNSET
    mcp: HostedToolPermission | UnsetType | None = UNSET
    code_interpreter: HostedToolPermission | UnsetType | None = UNSET
