"""The usage of relayed requests over HTTP: images, speech, transcriptions and moderations, in time buckets.

Web searches of responses as well, which are counted the same way.
"""

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
    UnitUsageBucket,
    UnitUsagePage,
    WebSearchesUsageResult,
    WebSearchUsageQuery,
)

operations = OperationGroup("Usage", audience="any")

_Result = (
    ImagesUsageResult
    | SpeechesUsageResult
    | TranscriptionsUsageResult
    | ModerationsUsageResult
    | WebSearchesUsageResult
)


@operations.add(
    "usage-images",
    "GET",
    "/organization/usage/images",
    summary="Retrieve the number of images made, in time buckets.",
    query=ImagesUsageQuery,
    response=UnitUsagePage,
)
async def get_images_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ImagesUsageQuery)
    return await _respond(
        request, query, "image", lambda one: ImagesUsageResult(images=one.units, **model_members(one))
    )


@operations.add(
    "usage-audio-speeches",
    "GET",
    "/organization/usage/audio_speeches",
    summary="Retrieve the characters of speech made, in time buckets.",
    query=EmbeddingsUsageQuery,
    response=UnitUsagePage,
)
async def get_speeches_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], EmbeddingsUsageQuery)
    return await _respond(
        request, query, "speech", lambda one: SpeechesUsageResult(characters=one.units, **model_members(one))
    )


@operations.add(
    "usage-audio-transcriptions",
    "GET",
    "/organization/usage/audio_transcriptions",
    summary="Retrieve the seconds of transcribed recordings, in time buckets.",
    query=EmbeddingsUsageQuery,
    response=UnitUsagePage,
)
async def get_transcriptions_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], EmbeddingsUsageQuery)
    return await _respond(
        request,
        query,
        "transcription",
        lambda one: TranscriptionsUsageResult(seconds=one.units, **model_members(one)),
    )


@operations.add(
    "usage-moderations",
    "GET",
    "/organization/usage/moderations",
    summary="Retrieve the token usage of moderations, in time buckets.",
    query=EmbeddingsUsageQuery,
    response=UnitUsagePage,
)
async def get_moderations_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], EmbeddingsUsageQuery)
    return await _respond(
        request,
        query,
        "moderation",
        lambda one: ModerationsUsageResult(input_tokens=one.input_tokens, **model_members(one)),
    )


@operations.add(
    "usage-web-search-calls",
    "GET",
    "/organization/usage/web_search_calls",
    summary="Retrieve the number of web searches that responses made, in time buckets.",
    query=WebSearchUsageQuery,
    response=UnitUsagePage,
)
async def get_web_searches_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], WebSearchUsageQuery)
    return await _respond(
        request,
        query,
        "web_search",
        lambda one: WebSearchesUsageResult(num_requests=one.units, **model_members(one)),
    )


async def _respond(
    request: Request,
    query: EmbeddingsUsageQuery | ImagesUsageQuery | WebSearchUsageQuery,
    kind: Kind,
    render: Callable[[UsageTotals], _Result],
) -> Response:
    page = await load_page(request, query, bucket_limit(query), query.group_by, kind=kind)
    return buckets_response(UnitUsagePage, UnitUsageBucket, page, render)
