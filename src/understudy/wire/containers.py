"""Containers: where code runs. Source: the operations createContainer to retrieveContainerFileContent."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.queries import ListQuery

MemoryLimit = Literal["1g", "4g", "16g", "64g"]


class ContainerExpiration(Struct, kw_only=True, forbid_unknown_fields=True):
    """As in the request."""

    anchor: Literal["last_active_at"] = "last_active_at"
    minutes: Annotated[int, Meta(ge=1, le=20)] = 20


class ContainerExpiresAfter(Struct, kw_only=True):
    anchor: Literal["last_active_at"] = "last_active_at"
    minutes: int = 20


class ContainerNetworkPolicy(Struct, kw_only=True, forbid_unknown_fields=True):
    """The only policy: sandboxes have no network."""

    type: Literal["disabled"]


class ContainerResource(Struct, kw_only=True):
    id: str
    object: Literal["container"] = "container"
    created_at: int
    status: Literal["running", "expired"] = "running"
    expires_after: ContainerExpiresAfter
    last_active_at: int
    name: str
    memory_limit: MemoryLimit | UnsetType = UNSET
    network_policy: ContainerNetworkPolicy | UnsetType = UNSET


class CreateContainerBody(Struct, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    file_ids: Annotated[list[str], Meta(max_length=20)] = []
    expires_after: ContainerExpiration | None = None
    memory_limit: MemoryLimit | None = None
    network_policy: ContainerNetworkPolicy | None = None


class ContainerListResource(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ContainerResource]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedContainerResource(Struct, kw_only=True):
    id: str
    object: Literal["container.deleted"] = "container.deleted"
    deleted: bool = True


class ListContainersQuery(ListQuery, frozen=True, kw_only=True):
    name: Annotated[str | None, Meta(description="Only containers of this name.")] = None


class CreateContainerFileBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A File of the project to put there; `UploadContainerFileBody` has the bytes themselves."""

    file_id: str


class UploadContainerFileBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The form with the bytes themselves. `file` is, once they are written, the name that came with them."""

    file: Annotated[str, Meta(extra_json_schema={"format": "binary"})]


class ContainerFileResource(Struct, kw_only=True):
    """`source` is `user` for what was put there, `assistant` for what code has written."""

    id: str
    object: Literal["container.file"] = "container.file"
    created_at: int
    bytes: int
    container_id: str
    path: str
    source: Literal["user", "assistant"]


class ContainerFileListResource(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ContainerFileResource]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedContainerFileResource(Struct, kw_only=True):
    id: str
    object: Literal["container.file.deleted"] = "container.file.deleted"
    deleted: bool = True
