"""Rate limits of models in a project, as the hosted API has them, and the limits of projects and keys, an extension."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

NO_LIMIT = 2_147_483_647
"""Where the hosted API's objects need a number: that much or more is without a limit."""
_Number = Annotated[int, Meta(ge=1, le=2**53)]
_Change = Annotated[
    _Number | UnsetType | None,
    Meta(description=f"{NO_LIMIT} or more is without a limit, null the default of the settings."),
]


RATE_LIMIT_MEMBERS = {
    "requests_per_minute": "max_requests_per_1_minute",
    "tokens_per_minute": "max_tokens_per_1_minute",
    "requests_per_day": "max_requests_per_1_day",
    "batch_tokens_per_day": "batch_1_day_max_input_tokens",
    "images_per_minute": "max_images_per_1_minute",
    "audio_megabytes_per_minute": "max_audio_megabytes_per_1_minute",
}
"""The members of a rate limit by the names of limits here."""


class ProjectRateLimit(Struct, kw_only=True):
    """The limits of a model in a project; without a limit, the required numbers are 2147483647."""

    object: Literal["project.rate_limit"] = "project.rate_limit"
    id: str
    model: str
    max_requests_per_1_minute: int
    max_tokens_per_1_minute: int
    max_requests_per_1_day: int | UnsetType = UNSET
    batch_1_day_max_input_tokens: int | UnsetType = UNSET
    max_images_per_1_minute: int | UnsetType = UNSET
    max_audio_megabytes_per_1_minute: int | UnsetType = UNSET


class ProjectRateLimitList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ProjectRateLimit]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListRateLimitsQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many rate limits a page has at most.")] = 100
    after: Annotated[str | None, Meta(description="The rate limit before the page: its id.")] = None
    before: Annotated[str | None, Meta(description="The rate limit after the page: its id.")] = None


class UpdateRateLimitRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    max_requests_per_1_minute: _Change = UNSET
    max_tokens_per_1_minute: _Change = UNSET
    max_requests_per_1_day: _Change = UNSET
    batch_1_day_max_input_tokens: _Change = UNSET
    max_images_per_1_minute: _Change = UNSET
    max_audio_megabytes_per_1_minute: _Change = UNSET


Amount = int | Literal["unlimited"] | None
"""What is set for one project or key: a number, no limit at all, or null for the settings' default."""
_Rate = Annotated[_Number | Literal["unlimited"] | None, Meta(description="Null is the default of the settings.")]
_Count = Annotated[
    Annotated[int, Meta(ge=0, le=2**53)] | Literal["unlimited"] | None,
    Meta(description="Null is the default of the settings."),
]


class KeyLimitAmounts(Struct, kw_only=True):
    requests_per_minute: Amount
    requests_per_day: Amount
    tokens_per_minute: Amount
    tokens_per_day: Amount
    batch_tokens_per_day: Amount
    concurrent_runs: Amount


class ProjectLimitAmounts(KeyLimitAmounts, kw_only=True):
    stored_bytes: Amount
    vector_stores: Amount


class EffectiveKeyLimits(Struct, kw_only=True):
    """The limits that apply; null is without a limit."""

    requests_per_minute: int | None
    requests_per_day: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None
    batch_tokens_per_day: int | None
    concurrent_runs: int | None


class EffectiveProjectLimits(EffectiveKeyLimits, kw_only=True):
    stored_bytes: int | None
    vector_stores: int | None


class KeyLimitUsage(Struct, kw_only=True):
    concurrent_runs: int


class ProjectLimitUsage(KeyLimitUsage, kw_only=True):
    stored_bytes: int
    vector_stores: int


class KeyLimits(Struct, kw_only=True):
    """`limits` are those of the key itself; `usage` is that of limits that do not come back with time."""

    object: Literal["project.api_key.limits"] = "project.api_key.limits"
    project_id: str
    api_key_id: str
    limits: KeyLimitAmounts
    effective: EffectiveKeyLimits
    usage: KeyLimitUsage


class ProjectLimits(Struct, kw_only=True):
    """`limits` are those of the project itself; `usage` is that of limits that do not come back with time."""

    object: Literal["project.limits"] = "project.limits"
    project_id: str
    limits: ProjectLimitAmounts
    effective: EffectiveProjectLimits
    usage: ProjectLimitUsage


class UpdateKeyLimitsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    requests_per_minute: _Rate | UnsetType = UNSET
    requests_per_day: _Rate | UnsetType = UNSET
    tokens_per_minute: _Rate | UnsetType = UNSET
    tokens_per_day: _Rate | UnsetType = UNSET
    batch_tokens_per_day: _Rate | UnsetType = UNSET
    concurrent_runs: _Count | UnsetType = UNSET


class UpdateProjectLimitsRequest(UpdateKeyLimitsRequest, kw_only=True, forbid_unknown_fields=True):
    stored_bytes: _Count | UnsetType = UNSET
    vector_stores: _Count | UnsetType = UNSET
