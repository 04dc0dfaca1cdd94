"""What tests read out of chunks and errors."""

import json

import pytest

from understudy.errors import UpstreamError

KEY = "sk-test-0123456789abcdef"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


async def collect(stream):
    return [json.loads(chunk) async for together in stream for chunk in together]


async def until(stream, text):
    """Reads on until this much has been said; for streams that then go silent."""
    chunks = []
    while said(chunks) != text:
        chunks += [json.loads(chunk) for chunk in await anext(stream)]
    return chunks


def said(chunks):
    return "".join(choice["delta"].get("content") or "" for choice in _choices(chunks))


def finish(chunks):
    return next(choice["finish_reason"] for choice in _choices(chunks) if choice.get("finish_reason"))


def usage(chunks):
    return chunks[-1].get("usage")


def fragments(chunks):
    return [call for choice in _choices(chunks) for call in choice["delta"].get("tool_calls") or ()]


def _choices(chunks):
    return [choice for chunk in chunks for choice in chunk["choices"] if choice.get("delta")] + [
        {**choice, "delta": {}} for chunk in chunks for choice in chunk["choices"] if not choice.get("delta")
    ]


async def failure(awaitable):
    """The UpstreamError that an awaitable, or a stream read to its end, raises."""
    with pytest.raises(UpstreamError) as caught:
        await (awaitable if hasattr(awaitable, "__await__") else collect(awaitable))
    return caught.value
