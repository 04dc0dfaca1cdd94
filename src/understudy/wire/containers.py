"""Containers: where code runs. Source: the operations createContainer to retrieveContainerFileContent."""

from typing import Literal

from msgspec import Struct


class ContainerExpiresAfter(Struct, kw_only=True):
    anchor: Literal["last_active_at"] = "last_active_at"
    minutes: int = 20


class ContainerResource(Struct, kw_only=True):
    id: str
    object: Literal["container"] = "container"
    created_at: int
    status: Literal["running", "expired"] = "running"
    expires_after: ContainerExpiresAfter
    last_active_at: int
    name: str
