"""What tests read out of chunks and errors."""

import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from understudy.errors import UpstreamError

Json = dict[str, Any]
Chunks = AsyncIterator[Sequence[bytes]]
KEY = "sk-test-0123456789abcdef"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


async def collect(stream: Chunks) -> list[Json]:
    return [json.loads(chunk) async for together in stream for chunk in together]


async def until(stream: Chunks, text: str) -> list[Json]:
    """Reads until the content is `text`; for streams that then go silent."""
    chunks: list[Json] = []
    while said(chunks) != text:
        chunks += [json.loads(chunk) for chunk in await anext(stream)]
    return chunks


def said(chunks: list[Json]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in _choices(chunks))


def finish(chunks: list[Json]) -> str:
    return next(str(choice["finish_reason"]) for choice in _choices(chunks) if choice.get("finish_reason"))


def usage(chunks: list[Json]) -> Any:
    return chunks[-1].get("usage")


def fragments(chunks: list[Json]) -> list[Json]:
    return [call for choice in _choices(chunks) for call in choice["delta"].get("tool_calls") or ()]


def _choices(chunks: list[Json]) -> list[Json]:
    return [choice for chunk in chunks for choice in chunk["choices"] if choice.get("delta")] + [
        {**choice, "delta": {}} for chunk in chunks for choice in chunk["choices"] if not choice.get("delta")
    ]


async def failure(awaitable: Awaitable[object] | Chunks) -> UpstreamError:
    """The UpstreamError that an awaitable, or a stream read to its end, raises."""
    with pytest.raises(UpstreamError) as caught:
        await (awaitable if isinstance(awaitable, Awaitable) else collect(awaitable))
    return caught.value
