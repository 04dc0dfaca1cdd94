"""Progress of long commands on stderr: a bar with the extra `cli`, one line without it, nothing without a terminal."""

import sys
import time
from types import TracebackType
from typing import Any, Final, Protocol, Self

import click

_SECONDS_BETWEEN: Final = 0.1


class Progress(Protocol):
    """`with open_progress("import") as progress: progress.update(5, 10)`."""

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        """`total` is None while it is unknown; `detail` is a short text after the numbers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_progress(label: str) -> Progress:
    if not sys.stderr.isatty():
        return _NoProgress()
    try:
        import rich.console
        import rich.progress
    except ImportError:
        return _LineProgress(label)
    columns = ("{task.description}", rich.progress.BarColumn(), "{task.fields[numbers]}")
    return _BarProgress(rich.progress.Progress(*columns, console=rich.console.Console(stderr=True)), label)


class _NoProgress:
    def update(self, done: int, total: int | None, detail: str = "") -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _LineProgress(_NoProgress):
    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self._printed = 0.0
        self._width = 0

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        if time.monotonic() - self._printed < _SECONDS_BETWEEN:
            return
        self._printed = time.monotonic()
        text = f"{self._label}: {_describe_progress(done, total, detail, self._started)}"
        click.echo(f"\r{text.ljust(self._width)}", nl=False, err=True)
        self._width = len(text)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            click.echo(err=True)


class _BarProgress(_NoProgress):
    def __init__(self, bar: Any, label: str) -> None:
        self._bar = bar
        self._started = time.monotonic()
        self._task = bar.add_task(label, total=None, numbers="")

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        numbers = _describe_progress(done, total, detail, self._started)
        self._bar.update(self._task, completed=done, total=total, numbers=numbers)

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)


def _describe_progress(done: int, total: int | None, detail: str, started: float) -> str:
    rate = done / max(time.monotonic() - started, 0.001)
    of = "" if total is None else f" of {total:,}"
    return f"{done:,}{of}, {rate:,.0f} a second{detail and f', {detail}'}"
