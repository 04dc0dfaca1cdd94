"""The model providers of the settings, and tests of their connections. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.health import HealthProvider, Seconds


class ProviderObject(Struct, kw_only=True):
    """A provider of the settings. No member has its key."""

    object: Literal["provider"] = "provider"
    name: str
    kind: Literal["openai", "azure", "anthropic"]
    base_url: Annotated[str | None, Meta(description="Null for keys that are not admin keys.")]
    fallbacks: Annotated[list[str], Meta(description="The providers that get its requests after its faults, in order.")]
    models: Annotated[int | None, Meta(description="How many are known; null before its list has been requested.")]
    calls: Annotated[HealthProvider | None, Meta(description="Null before the first call of this node.")]


class ListProvidersResponse(Struct, kw_only=True):
    """All providers in the order of the settings. The embedded model is not among them."""

    object: Literal["list"] = "list"
    data: list[ProviderObject]


class ProviderTestError(Struct, kw_only=True):
    """`type` is a kind of fault: `authentication`, `quota`, `rate_limited`, `unreachable`, `timeout` and others."""

    type: str
    message: str


class ProviderTestObject(Struct, kw_only=True):
    """What a provider responded to a request for its list of models, which costs nothing."""

    object: Literal["provider.test"] = "provider.test"
    name: str
    status: Literal["ok", "failed"]
    checked_at: Seconds
    latency_ms: float
    models: Annotated[int | None, Meta(description="In its list; null for a failed test and for Azure's deployments.")]
    error: ProviderTestError | None
