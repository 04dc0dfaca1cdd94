"""Usage and costs over HTTP, in OpenAI's format: pages of time buckets.

A key sees the usage of its own project, and an admin key that of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, principal_of
from understudy.api.requests import struct_response
from understudy.api.usage_days import read_zone, split_time
from understudy.engine.accounting import usd
from understudy.errors import InvalidRequest
from understudy.store.charges import Kind
from understudy.store.usage import Group, UsageFilter, UsageTotals
from understudy.wire import queries, usage
from understudy.wire.usage import (
    CompletionsUsagePage,
    CompletionsUsageQuery,
    CostsPage,
    CostsQuery,
    EmbeddingsUsagePage,
    EmbeddingsUsageQuery,
    ImagesUsageQuery,
    WebSearchUsageQuery,
)

operations = OperationGroup("Usage", audience="any")

_BUCKET_SECONDS = {"1m": 60, "1h": 3600, "1d": 86_400}
# The default and the maximum number of buckets of a page.
_BUCKET_LIMITS = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
_GROUP_COLUMNS: dict[str, Group] = {
    "project_id": "project_id",
    "api_key_id": "key_id",
    "model": "model",
    "batch": "batch",
}
_CURSOR_PREFIX = "page_"
UsageQuery = CompletionsUsageQuery | EmbeddingsUsageQuery | ImagesUsageQuery | WebSearchUsageQuery | CostsQuery


@dataclass(frozen=True, slots=True)
class UsageBucket:
    start: int
    end: int
    sums: list[UsageTotals]


@dataclass(frozen=True, slots=True)
class UsagePage:
    buckets: list[UsageBucket]
    next_page: str | None


@operations.add(
    "usage-completions",
    "GET",
    "/organization/usage/completions",
    summary="Retrieve the token usage of completions, in time buckets.",
    query=CompletionsUsageQuery,
    response=CompletionsUsagePage,
)
async def get_completions_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], usage.CompletionsUsageQuery)
    batch = None if query.batch is None else query.batch == "true"
    page = await load_page(request, query, bucket_limit(query), query.group_by, kind="completion", batch=batch)
    return buckets_response(usage.CompletionsUsagePage, usage.CompletionsUsageBucket, page, _render_completions)


@operations.add(
    "usage-embeddings",
    "GET",
    "/organization/usage/embeddings",
    summary="Retrieve the token usage of embeddings, in time buckets.",
    query=EmbeddingsUsageQuery,
    response=EmbeddingsUsagePage,
)
async def get_embeddings_usage(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], usage.EmbeddingsUsageQuery)
    page = await load_page(request, query, bucket_limit(query), query.group_by, kind="embedding")
    return buckets_response(usage.EmbeddingsUsagePage, usage.EmbeddingsUsageBucket, page, _render_embeddings)


@operations.add(
    "usage-costs",
    "GET",
    "/organization/costs",
    summary="Retrieve costs per day.",
    query=CostsQuery,
    response=CostsPage,
)
async def get_costs(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], usage.CostsQuery)
    page = await load_page(request, query, query.limit, query.group_by)
    return buckets_response(usage.CostsPage, usage.CostsBucket, page, _render_costs)


async def load_page(
    request: Request,
    query: UsageQuery,
    limit: int,
    groups: Sequence[str],
    *,
    kind: Kind | None = None,
    batch: bool | None = None,
) -> UsagePage:
    """The totals of a page of buckets. Raises InvalidRequest for a bad cursor or time zone."""
    parts = parts_of(request)
    project_ids = _find_projects(request, query)
    width = _BUCKET_SECONDS[query.bucket_width]
    end = parts.now() + 1 if query.end_time is None else query.end_time
    first = query.start_time if query.page is None else _parse_cursor(query.page)
    times = split_time(first, end, limit, width, read_zone(query.tz))
    condition = UsageFilter(
        max(first, query.start_time),
        min(end, times.end),
        width,
        _group_columns(groups),
        kind,
        () if isinstance(query, usage.CostsQuery) else tuple(query.models),
        tuple(query.api_key_ids),
        batch,
        times.offsets,
    )
    sums = [] if project_ids is None else await parts.store.usage.sum_usage(project_ids, condition)
    by_bucket = {bucket: list(ones) for bucket, ones in groupby(sums, lambda one: one.bucket)}
    ends = [*times.starts[1:], times.end]
    buckets = [
        UsageBucket(at, until, by_bucket.get(key, []))
        for at, until, key in zip(times.starts, ends, times.keys, strict=True)
    ]
    return UsagePage(buckets, f"{_CURSOR_PREFIX}{times.end}" if times.end < end else None)


def buckets_response(
    page_kind: Callable[..., Struct], bucket_kind: Callable[..., Struct], page: UsagePage, render: Callable[..., Struct]
) -> Response:
    """The list envelope `page_kind` around buckets, of which each of the sums is rendered."""
    data = [
        bucket_kind(start_time=bucket.start, end_time=bucket.end, results=[render(one) for one in bucket.sums])
        for bucket in page.buckets
    ]
    return struct_response(page_kind(data=data, has_more=page.next_page is not None, next_page=page.next_page))


def _find_projects(request: Request, query: UsageQuery) -> list[str] | None:
    """The projects to sum, none for all; None if nothing matches: usage is not recorded by user."""
    if not isinstance(query, usage.CostsQuery) and query.user_ids:
        return None
    principal = principal_of(request)
    if principal.is_admin:
        return query.project_ids
    if query.project_ids and principal.project_id not in query.project_ids:
        return None
    return [principal.project_id]


def _group_columns(groups: Sequence[str]) -> tuple[Group, ...]:
    if "line_item" in groups:
        return (*_group_columns([group for group in groups if group != "line_item"]), "model", "kind")
    # Usage has no user and no service tier, so these groups do not split it.
    return tuple(dict.fromkeys(_GROUP_COLUMNS[group] for group in groups if group in _GROUP_COLUMNS))


def bucket_limit(query: usage.ModelUsageQuery) -> int:
    """The buckets of a page. Raises InvalidRequest for too many."""
    usual, most = _BUCKET_LIMITS[query.bucket_width]
    limit = usual if query.limit is None else query.limit
    if limit > most:
        raise InvalidRequest(
            f"Invalid 'limit': {limit} buckets of {query.bucket_width!r} are too many. The limit is {most}.",
            param="limit",
            code="integer_above_max_value",
        )
    return limit


def _parse_cursor(page: str) -> int:
    digits = page.removeprefix(_CURSOR_PREFIX)
    if not page.startswith(_CURSOR_PREFIX) or not digits.isdecimal() or len(digits) > 12:
        raise InvalidRequest(
            f"Invalid 'page': {page!r}. Use the `next_page` of the previous page.",
            param="page",
            code="invalid_value",
        )
    return int(digits)


def _render_completions(one: UsageTotals) -> usage.CompletionsUsageResult:
    batch = one.group.get("batch")
    return usage.CompletionsUsageResult(
        input_tokens=one.input_tokens,
        input_cached_tokens=one.cached_tokens,
        input_uncached_tokens=one.input_tokens - one.cached_tokens,
        output_tokens=one.output_tokens,
        input_audio_tokens=one.input_audio_tokens,
        output_audio_tokens=one.output_audio_tokens,
        batch=None if batch is None else bool(batch),
        **model_members(one),
    )


def _render_embeddings(one: UsageTotals) -> usage.EmbeddingsUsageResult:
    return usage.EmbeddingsUsageResult(
        input_tokens=one.input_tokens,
        **model_members(one),
    )


def _render_costs(one: UsageTotals) -> usage.CostsResult:
    item = f"{one.group['model']}, {one.group['kind']}" if "kind" in one.group else None
    return usage.CostsResult(
        amount=usage.CostAmount(value=usd(one.credits)),
        line_item=item,
        project_id=_group_value(one, "project_id"),
        api_key_id=_group_value(one, "key_id"),
        quantity=None if item is None else one.input_tokens + one.output_tokens,
        quantity_unit=None if item is None else "tokens",
    )


def model_members(one: UsageTotals) -> dict[str, Any]:
    """The members that the usage of each kind of request has."""
    return {
        "num_model_requests": one.requests,
        "project_id": _group_value(one, "project_id"),
        "api_key_id": _group_value(one, "key_id"),
        "model": _group_value(one, "model"),
    }


def _group_value(one: UsageTotals, group: Group) -> str | None:
    """The value of a group's column; None if the totals are not grouped by it."""
    value = one.group.get(group)
    return None if value is None else str(value)
