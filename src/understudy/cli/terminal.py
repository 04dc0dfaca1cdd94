"""What the terminal can show: Markdown with the extra `cli`, plain text without it, no colours without a terminal."""

import os
import sys
from types import TracebackType
from typing import Any, Protocol, Self

import click


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def note(text: str) -> None:
    """A line beside the answer: dimmed, and on stderr, so that stdout is the answer alone."""
    click.secho(text, dim=True, err=True, color=None if _allows_color() else False)


class AnswerWriter(Protocol):
    """Shows an answer while it arrives: `with open_writer() as answer: answer.write("text")`."""

    def write(self, text: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_writer() -> AnswerWriter:
    if not sys.stdout.isatty():
        return _PlainWriter()
    try:
        import rich.live
        import rich.markdown
    except ImportError:
        return _PlainWriter()
    return _MarkdownWriter(rich.live.Live(auto_refresh=False, vertical_overflow="visible"), rich.markdown.Markdown)


class _PlainWriter:
    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> None:
        self._text += text
        click.echo(text, nl=False)
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._text and not self._text.endswith("\n"):
            click.echo()


class _MarkdownWriter:
    """Renders the text so far again with each part of it."""

    def __init__(self, live: Any, markdown: Any) -> None:
        self._live = live
        self._markdown = markdown
        self._text = ""

    def write(self, text: str) -> None:
        self._text += text
        self._live.update(self._markdown(self._text), refresh=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


def _allows_color() -> bool:
    return "NO_COLOR" not in os.environ
