"""Usage and costs of an organization, in buckets of time. Source: operations usage-* of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]
Limit = Annotated[int, Meta(ge=1, le=1440)]
_GROUPS = "Sum up for each of these apart."


class TimeQuery(Struct, frozen=True, kw_only=True):
    start_time: Annotated[Moment, Meta(description="The first second, in Unix time.")]
    end_time: Annotated[Moment | None, Meta(description="The second after the last; now, when unset.")] = None
    project_ids: Annotated[list[str], Meta(description="Only these projects.")] = []
    api_key_ids: Annotated[list[str], Meta(description="Only what these keys used, by their ids.")] = []
    page: Annotated[str | None, Meta(description="The `next_page` of the page before.")] = None
    tz: Annotated[
        str | None,
        Meta(
            description="The time zone of days, such as `Europe/Oslo`; UTC when unset. An extension of the hosted API."
        ),
    ] = None


class ModelUsageQuery(TimeQuery, frozen=True, kw_only=True):
    bucket_width: Annotated[Literal["1m", "1h", "1d"], Meta(description="How much time is summed up.")] = "1d"
    user_ids: Annotated[list[str], Meta(description="Only these users; no use is known by its user here.")] = []
    models: Annotated[list[str], Meta(description="Only these models.")] = []
    limit: Annotated[
        Limit | None,
        Meta(description="Buckets of a page: up to 31 days (7 when unset), 168 hours (24) or 1,440 minutes (60)."),
    ] = None


class EmbeddingsUsageQuery(ModelUsageQuery, frozen=True, kw_only=True):
    group_by: Annotated[list[Literal["project_id", "user_id", "api_key_id", "model"]], Meta(description=_GROUPS)] = []


class CompletionsUsageQuery(ModelUsageQuery, frozen=True, kw_only=True):
    batch: Annotated[Literal["true", "false"] | None, Meta(description="Only batches, or everything but them.")] = None
    group_by: Annotated[
        list[Literal["project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source"]],
        Meta(description=_GROUPS),
    ] = []


class ImagesUsageQuery(ModelUsageQuery, frozen=True, kw_only=True):
    sources: Annotated[list[str], Meta(description="Only these kinds of request; no use is known by it here.")] = []
    sizes: Annotated[list[str], Meta(description="Only these sizes; no use is known by its size here.")] = []
    group_by: Annotated[
        list[Literal["project_id", "user_id", "api_key_id", "model", "size", "source"]], Meta(description=_GROUPS)
    ] = []


class WebSearchUsageQuery(ModelUsageQuery, frozen=True, kw_only=True):
    context_levels: Annotated[
        list[str], Meta(description="Only these search context sizes; no use is known by it here.")
    ] = []
    group_by: Annotated[
        list[Literal["project_id", "user_id", "api_key_id", "model", "context_level"]], Meta(description=_GROUPS)
    ] = []


class CostsQuery(TimeQuery, frozen=True, kw_only=True):
    bucket_width: Annotated[Literal["1d"], Meta(description="How much time is summed up.")] = "1d"
    group_by: Annotated[list[Literal["project_id", "line_item", "api_key_id"]], Meta(description=_GROUPS)] = []
    limit: Annotated[int, Meta(ge=1, le=180, description="Days of a page.")] = 7


class CompletionsUsageResult(Struct, kw_only=True):
    object: Literal["organization.usage.completions.result"] = "organization.usage.completions.result"
    input_tokens: int
    input_cached_tokens: int
    input_uncached_tokens: int
    output_tokens: int
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None


class EmbeddingsUsageResult(Struct, kw_only=True):
    object: Literal["organization.usage.embeddings.result"] = "organization.usage.embeddings.result"
    input_tokens: int
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None


class UnitUsageResult(Struct, kw_only=True):
    """What the results of images, speech, transcriptions, moderations and web searches share."""

    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None


class ImagesUsageResult(UnitUsageResult, kw_only=True, tag_field="object", tag="organization.usage.images.result"):
    images: int
    source: str | None = None
    size: str | None = None


class SpeechesUsageResult(
    UnitUsageResult, kw_only=True, tag_field="object", tag="organization.usage.audio_speeches.result"
):
    characters: int


class TranscriptionsUsageResult(
    UnitUsageResult, kw_only=True, tag_field="object", tag="organization.usage.audio_transcriptions.result"
):
    seconds: int


class ModerationsUsageResult(
    UnitUsageResult, kw_only=True, tag_field="object", tag="organization.usage.moderations.result"
):
    input_tokens: int


class WebSearchesUsageResult(
    UnitUsageResult, kw_only=True, tag_field="object", tag="organization.usage.web_searches.result"
):
    """`model` is `web_search/` and the search engine; `num_requests` counts queries."""

    num_requests: int
    context_level: str | None = None


UnitUsage = (
    ImagesUsageResult
    | SpeechesUsageResult
    | TranscriptionsUsageResult
    | ModerationsUsageResult
    | WebSearchesUsageResult
)


class UnitUsageBucket(Struct, kw_only=True):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[UnitUsage]


class UnitUsagePage(Struct, kw_only=True):
    object: Literal["page"] = "page"
    data: list[UnitUsageBucket]
    has_more: bool
    next_page: str | None


class CostAmount(Struct, kw_only=True):
    value: float
    currency: Literal["usd"] = "usd"


class CostsResult(Struct, kw_only=True):
    object: Literal["organization.costs.result"] = "organization.costs.result"
    amount: CostAmount
    line_item: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    quantity: float | None = None
    quantity_unit: Literal["tokens"] | None = None


class CompletionsUsageBucket(Struct, kw_only=True):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[CompletionsUsageResult]


class EmbeddingsUsageBucket(Struct, kw_only=True):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[EmbeddingsUsageResult]


class CostsBucket(Struct, kw_only=True):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[CostsResult]


class CompletionsUsagePage(Struct, kw_only=True):
    object: Literal["page"] = "page"
    data: list[CompletionsUsageBucket]
    has_more: bool
    next_page: str | None


class EmbeddingsUsagePage(Struct, kw_only=True):
    object: Literal["page"] = "page"
    data: list[EmbeddingsUsageBucket]
    has_more: bool
    next_page: str | None


class CostsPage(Struct, kw_only=True):
    object: Literal["page"] = "page"
    data: list[CostsBucket]
    has_more: bool
    next_page: str | None
