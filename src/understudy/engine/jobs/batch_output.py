"""The results of a batch as lines, in the formats of the two APIs. Pure.

Source: the output format of the hosted API's batches, and the results of Anthropic's message batches.
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from understudy import ids
from understudy.llm.payload import DECODE_ERRORS
from understudy.store.batch_jobs import Line, Usage

UnfinishedReason = Literal["expired", "cancelled"]

_UNFINISHED_ERRORS: dict[UnfinishedReason, tuple[str, str]] = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed, since its batch was cancelled."),
}
_ANTHROPIC_RESULTS: dict[UnfinishedReason, bytes] = {
    "expired": b'{"type":"expired"}',
    "cancelled": b'{"type":"canceled"}',
}


class _Details(Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Struct):
    """Token counts under the names of all endpoints."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _ResponseBody(Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_ResponseBody).decode


def parse_usage(body: bytes) -> Usage:
    """The token counts in a response body; zeros where it has no readable usage."""
    try:
        usage = _decode(body).usage
    except DECODE_ERRORS:
        usage = None
    if usage is None:
        return Usage()
    return _normalize_usage(usage)


def _normalize_usage(usage: _Usage) -> Usage:
    """`input_tokens` of Anthropic's API exclude its cached tokens, so they are added."""
    into = usage.prompt_tokens_details or usage.input_tokens_details or _Details()
    out = usage.completion_tokens_details or usage.output_tokens_details or _Details()
    cached = _first_count(into.cached_tokens, usage.cache_read_input_tokens)
    uncounted = _first_count(usage.cache_read_input_tokens) + _first_count(usage.cache_creation_input_tokens)
    prompt = _first_count(usage.prompt_tokens, usage.input_tokens) + uncounted
    return Usage(
        input_tokens=prompt,
        cached_tokens=min(cached, prompt),
        output_tokens=_first_count(usage.completion_tokens, usage.output_tokens),
        reasoning_tokens=_first_count(out.reasoning_tokens),
    )


def _first_count(*counts: int | None) -> int:
    return next(filter(None, counts), 0)


def is_success(line: Line) -> bool:
    return line.status_code is not None and 200 <= line.status_code < 300


def render_openai_line(line: Line, unfinished: UnfinishedReason) -> bytes:
    """`unfinished` is the reason for lines without a result."""
    response, error = None, None
    if line.answer is not None:
        body = Raw(line.answer.encode())
        response = {"status_code": line.status_code, "request_id": line.request_id, "body": body}
    else:
        code, message = _UNFINISHED_ERRORS[unfinished]
        error = {"code": code, "message": message}
    row = {
        "id": ids.batch_request(),
        "custom_id": Raw(line.custom_id.encode()),
        "response": response,
        "error": error,
    }
    return msgspec.json.encode(row) + b"\n"


def render_anthropic_line(line: Line, unfinished: UnfinishedReason) -> bytes:
    if line.answer is None:
        result = _ANTHROPIC_RESULTS[unfinished]
    elif is_success(line):
        result = b'{"type":"succeeded","message":' + line.answer.encode() + b"}"
    else:
        result = b'{"type":"errored","error":' + line.answer.encode() + b"}"
    return b'{"custom_id":' + line.custom_id.encode() + b',"result":' + result + b"}\n"
