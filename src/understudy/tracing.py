"""Spans of a trace, for whatever exports them. `install` provides an exporter, and without one nothing happens.

Names and attributes follow the OpenTelemetry semantic conventions for HTTP and for generative AI (v0.1.0). A span of a
`with` statement is the parent of everything that its task does meanwhile. There is never one for each delta.
"""

from collections.abc import Callable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from understudy import correlation
from understudy.correlation import TraceContext

Kind = Literal["internal", "server", "client", "consumer", "producer"]
Value = str | int | float | bool | list[str]


class Span(Protocol):
    """A span that has begun. After `end` it does not change."""

    context: TraceContext

    def set(self, name: str, value: Value) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, code: str, message: str = "") -> None:
        """Marks it as failed; `code` is a short reason of a closed set."""
        ...

    def end(self) -> None: ...


class Tracer(Protocol):
    captures_content: bool
    """Whether spans may have prompts, outputs and arguments."""

    def start(self, name: str, kind: Kind, parent: TraceContext | None, attributes: Mapping[str, Value]) -> Span: ...


_installed: list[Tracer] = []


def install(tracer: Tracer) -> Callable[[], None]:
    """Makes `tracer` the one of this process, until the returned function is called."""
    _installed.insert(0, tracer)
    return lambda: _installed.remove(tracer)


def is_enabled() -> bool:
    return bool(_installed)


def captures_content() -> bool:
    """Whether spans may have prompts, outputs and arguments."""
    return bool(_installed) and _installed[0].captures_content


def start(name: str, kind: Kind, attributes: Mapping[str, Value], parent: TraceContext | None = None) -> Span | None:
    """A span that the caller ends, below `parent` or the current one; None without a tracer."""
    if not _installed:
        return None
    return _installed[0].start(name, kind, parent or correlation.trace.get(), attributes)


class ScopedSpan:
    """The current span inside a `with` statement; an exception marks it as failed. Does nothing without a tracer."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self._token: Token[TraceContext | None] | None = None

    def set(self, name: str, value: Value) -> None:
        if self._span is not None:
            self._span.set(name, value)

    def fail(self, code: str, message: str = "") -> None:
        if self._span is not None:
            self._span.fail(code, message)

    def __enter__(self) -> Self:
        if self._span is not None:
            self._token = correlation.trace.set(self._span.context)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._span is None or self._token is None:
            return
        correlation.trace.reset(self._token)
        if kind is not None:
            self._span.fail(kind.__name__)
        self._span.end()


class Scope:
    """Makes a span the current one inside a `with` statement, which does not end it."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token: Token[TraceContext | None] | None = None

    def __enter__(self) -> None:
        self._token = correlation.trace.set(self._span.context)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            correlation.trace.reset(self._token)


_OFF: Final = ScopedSpan(None)


def span(name: str, kind: Kind = "internal", attributes: Mapping[str, Value] | None = None) -> ScopedSpan:
    """A span for a `with` statement."""
    if not _installed:
        return _OFF
    return ScopedSpan(_installed[0].start(name, kind, correlation.trace.get(), attributes or {}))
