"""One log line: its fields, and how it is rendered as text or JSON. Knows no logger and no file."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

LogFormat = Literal["text", "json"]


class LogLine(Struct, omit_defaults=True, gc=False, kw_only=True):
    """A line with its fields in the order of the JSON object. Fields without a value are left out."""

    time: Annotated[str, Meta(description="RFC 3339 in UTC, with milliseconds")]
    level: Annotated[str, Meta(description="`debug`, `info`, `warning`, `error` or `critical`")]
    event: Annotated[str, Meta(description="What happened; see the table of events. Other lines have none")] = ""
    message: Annotated[str, Meta(description="The text of the line")] = ""
    logger: Annotated[str, Meta(description="The part of the program, or the library")] = ""
    request_id: Annotated[str, Meta(description="The response's `x-request-id`; of a job, that of its request")] = ""
    client_request_id: Annotated[str, Meta(description="The request's `X-Client-Request-Id`")] = ""
    project: Annotated[str, Meta(description="Id of the project")] = ""
    key_id: Annotated[str, Meta(description="Id of the API key, never the key")] = ""
    client: Annotated[
        str, Meta(description="Address of the peer, or of the client that one of `trusted_proxies` names")
    ] = ""
    run_id: Annotated[str, Meta(description="Id of the run or response")] = ""
    job: Annotated[str, Meta(description="Kind and number of a background job: `batch 12`, `file 7`")] = ""
    trace_id: Annotated[str, Meta(description="Trace id, 32 hexadecimal digits")] = ""
    span_id: Annotated[str, Meta(description="Span id, 16 hexadecimal digits")] = ""
    operation: Annotated[str, Meta(description="Id of the API's operation")] = ""
    method: Annotated[str, Meta(description="HTTP method")] = ""
    path: Annotated[str, Meta(description="Path of the request without `/v1` and without the query")] = ""
    status: Annotated[int, Meta(description="HTTP status; 499 if the client disconnected before it")] = 0
    duration_ms: Annotated[float | None, Meta(description="Duration in milliseconds")] = None
    provider: Annotated[str, Meta(description="Name of the provider in the settings")] = ""
    model: Annotated[str, Meta(description="Id of the model")] = ""
    code: Annotated[str, Meta(description="Short reason: the error's code or kind")] = ""
    error: Annotated[str, Meta(description="Error text without keys and addresses")] = ""
    schema: Annotated[int, Meta(description="Number of the database schema")] = 0
    url: Annotated[str, Meta(description="Base URL of the server")] = ""
    version: Annotated[str, Meta(description="Version of the program")] = ""
    repeated: Annotated[int, Meta(description="Number of equal lines that were left out")] = 0
    lost: Annotated[int, Meta(description="Number of lines that were dropped since the queue was full")] = 0
    stack: Annotated[str, Meta(description="Traceback")] = ""


FIELDS: Final = frozenset(LogLine.__struct_fields__)
EVENTS: Final = {
    "request": "An HTTP request was answered (with `access_log = true`)",
    "run.failed": "A run or response has failed or expired",
    "upstream.fault": "A call of a provider failed; also each attempt before a retry",
    "realtime.ended": "A realtime session has ended; `code` is its close code",
    "key.rejected": "A request was refused for its key: missing, unknown, expired, or without the scope",
    "webhook.failed": "A webhook was not delivered; it may be sent again",
    "schema.migrated": "The database was upgraded to a new schema",
    "server.ready": "The server or worker is ready (JSON only; text prints a banner)",
    "server.failed": "The server could not start, or has stopped with an error (JSON only)",
    "log.lost": "Log lines were dropped, since the output was too slow",
}
"""The events, with what each means."""

_HEAD_FIELDS: Final = {"time", "level", "event", "message", "logger", "stack"}
_TEXT_FIELDS: Final = tuple(name for name in LogLine.__struct_fields__ if name not in _HEAD_FIELDS)
# The message of a request has these.
_REQUEST_FIELDS: Final = (
    *("request_id", "client_request_id", "project", "key_id", "client", "run_id", "trace_id", "span_id", "operation"),
)
_MILLISECONDS: Final = tuple(f".{number:03d}Z" for number in range(1000))
_encode: Final = msgspec.json.Encoder().encode


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    whole = int(seconds)
    return _utc_second(whole) + _MILLISECONDS[int((seconds - whole) * 1000)]


def render_json(line: LogLine, _: float) -> bytes:
    return _encode(line)


def render_text(line: LogLine, seconds: float) -> bytes:
    """The text in local time with the fields after it. A traceback is in lines of its own, which are indented.

    Everything else that is not printable is escaped: a client could make lines of its own with it, or command the
    terminal that shows them.
    """
    if line.event == "request":
        fields = " ".join([f"{name}={value}" for name in _REQUEST_FIELDS if (value := getattr(line, name))])
    else:
        values = ((name, getattr(line, name)) for name in _TEXT_FIELDS)
        fields = " ".join(f"{name}={_quote(value)}" for name, value in values if value not in {"", 0, None})
    name = line.event or line.logger
    text = f"{_local_second(int(seconds))} {line.level.upper()} {name}: {_escape(line.message)}"
    text = f"{text} {fields}" if fields else text
    if line.stack:
        text = "\n".join([text, *(f"  {_escape(one)}" for one in line.stack.split("\n"))])
    return text.encode("utf-8", "backslashreplace")


RENDERERS: Final[dict[LogFormat, Callable[[LogLine, float], bytes]]] = {"text": render_text, "json": render_json}


def _quote(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if " " not in text and '"' not in text:
        return _escape(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_escape(escaped)}"'


def _escape(text: str) -> str:
    return text if text.isprintable() else "".join([one if one.isprintable() else _escape_sign(one) for one in text])


def _escape_sign(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


@lru_cache(maxsize=4)
def _utc_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=4)
def _local_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
