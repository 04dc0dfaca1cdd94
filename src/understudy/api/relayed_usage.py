"""The usage of images, speech, transcriptions, moderations and web searches over HTTP, in time buckets."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.usage import bucket_limit, buckets_response, load_page, model_members
from understudy.store.charges import Kind
from understudy.store.usage import UsageTotals
from understudy.wire import queries
from understudy.wire.usage import (
    EmbeddingsUsageQuery,
    ImagesUsageQuery,
    ImagesUsageResult,
    ModerationsUsageResult,
    SpeechesUsageResult,
    TranscriptionsUsageResult,
    UnitUsage,
    UnitUsageBucket,
    UnitUsagePage,
    WebSearchesUsageResult,
    WebSearchUsageQuery,
)

operations = OperationGroup("Usage", audience="any")

_Query = EmbeddingsUsageQuery | ImagesUsageQuery | WebSearchUsageQuery


def _add_report(
    operation_id: str,
    path: str,
    summary: str,
    kind: Kind,
    query_type: type[_Query],
    render: Callable[[UsageTotals], UnitUsage],
) -> None:
    """Adds the operation that reports the usage of this kind; `render` makes the result of a bucket's group."""

    async def get_usage(request: Request) -> Response:
        query = queries.parse(request.scope["query_string"], query_type)
        page = await load_page(request, query, bucket_limit(query), query.group_by, kind=kind)
        return buckets_response(UnitUsagePage, UnitUsageBucket, page, render)

    add = operations.add(operation_id, "GET", path, summary=summary, query=query_type, response=UnitUsagePage)
    add(get_usage)


_add_report(
    "usage-images",
    "/organization/usage/images",
    "Retrieve the number of images made, in time buckets.",
    "image",
    ImagesUsageQuery,
    lambda one: ImagesUsageResult(images=one.units, **model_members(one)),
)
_add_report(
    "usage-audio-speeches",
    "/organization/usage/audio_speeches",
    "Retrieve the characters of speech made, in time buckets.",
    "speech",
    EmbeddingsUsageQuery,
    lambda one: SpeechesUsageResult(characters=one.units, **model_members(one)),
)
_add_report(
    "usage-audio-transcriptions",
    "/organization/usage/audio_transcriptions",
    "Retrieve the seconds of transcribed recordings, in time buckets.",
    "transcription",
    EmbeddingsUsageQuery,
    lambda one: TranscriptionsUsageResult(seconds=one.units, **model_members(one)),
)
_add_report(
    "usage-moderations",
    "/organization/usage/moderations",
    "Retrieve the token usage of moderations, in time buckets.",
    "moderation",
    EmbeddingsUsageQuery,
    lambda one: ModerationsUsageResult(input_tokens=one.input_tokens, **model_members(one)),
)
_add_report(
    "usage-web-search-calls",
    "/organization/usage/web_search_calls",
    "Retrieve the number of web searches that responses made, in time buckets.",
    "web_search",
    WebSearchUsageQuery,
    lambda one: WebSearchesUsageResult(num_requests=one.units, **model_members(one)),
)
