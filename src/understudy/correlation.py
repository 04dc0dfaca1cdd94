"""What the current task works for: a request or a job, and its position in a trace. Knows no log and no exporter.

Context variables carry both, so that every log line and every outgoing request has them without parameters. A task
inherits them from the task that created it.

The formats of `traceparent` and `tracestate` are those of W3C Trace Context (https://www.w3.org/TR/trace-context/).
"""

import re
from contextvars import ContextVar
from typing import Final, NamedTuple

from msgspec import Struct, json

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MAX_STATE_LENGTH: Final = 512
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


class Correlation(Struct, gc=False):
    """The request or the job that a task works for; empty strings where unknown. It is filled in as more is known.

    A job has the request that created it. `job` is the kind and the key of a job other than a run: `batch 12`.
    """

    request_id: str = ""
    client_request_id: str = ""
    project_id: str = ""
    key_id: str = ""
    run_id: str = ""
    job: str = ""
    client: str = ""


class TraceContext(NamedTuple):
    """A position in a trace: 32 and 16 hexadecimal digits. `state` is the `tracestate` of other vendors."""

    trace_id: str
    span_id: str
    sampled: bool = True
    state: str = ""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of an outgoing request."""
        parent = {"traceparent": self.traceparent}
        return {**parent, "tracestate": self.state} if self.state else parent


class Origin(Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is stored with a job of the request that created it. `traceparent` and `tracestate` as in the headers.

    `key_id` is the request's key.
    """

    request_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    key_id: str = ""

    @property
    def trace(self) -> TraceContext | None:
        return parse_traceparent(self.traceparent, self.tracestate) if self.traceparent else None


NO_ORIGIN: Final = Origin()
_NOTHING: Final = Correlation()
_decode_origin = json.Decoder(Origin).decode
current: Final[ContextVar[Correlation]] = ContextVar("correlation", default=_NOTHING)
trace: Final[ContextVar[TraceContext | None]] = ContextVar("trace", default=None)


def parse_traceparent(value: str, state: str = "") -> TraceContext | None:
    """The context that a caller has sent; None if it is malformed."""
    match = _TRACEPARENT.fullmatch(value.strip())
    if match is None or match[1] == "ff" or match[2] == _NO_TRACE or match[3] == _NO_SPAN:
        return None
    if match[1] == "00" and match[5] is not None:
        return None
    is_safe = len(state) <= _MAX_STATE_LENGTH and state.isascii() and state.isprintable()
    return TraceContext(match[2], match[3], bool(int(match[4], 16) & 1), state if is_safe else "")


def set_run(run_id: str) -> None:
    """Notes the run that the current request has created or resumed."""
    correlation = current.get()
    if correlation is not _NOTHING:
        correlation.run_id = run_id


def origin() -> Origin:
    """What to store with a job that the current task creates."""
    position = trace.get()
    known = current.get()
    if position is None:
        return Origin(known.request_id, key_id=known.key_id)
    return Origin(known.request_id, position.traceparent, position.state, known.key_id)


def encode_origin() -> str | None:
    """The origin of a job of the current task, for a column; None if nothing is known."""
    known = origin()
    return None if known == NO_ORIGIN else json.encode(known).decode()


def decode_origin(text: str | None) -> Origin:
    """The origin of a column."""
    return NO_ORIGIN if text is None else _decode_origin(text)


def trace_headers() -> dict[str, str]:
    """The headers that continue the current trace in an outgoing request; none without a trace."""
    position = trace.get()
    return {} if position is None else position.headers
