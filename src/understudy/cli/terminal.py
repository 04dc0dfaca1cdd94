"""What the terminal can show: Markdown with the extra `cli`, plain text without it, no colours without a terminal."""

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import click

if TYPE_CHECKING:
    from understudy.settings import Settings

_FRAMES_A_SECOND: Final = 12


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def confirm(command: str, question: str) -> None:
    """Asks before something is lost; raises UsageError without a terminal, and Abort for a no."""
    if not is_interactive():
        raise click.UsageError(f"Without a terminal, {command} needs --yes.")
    click.confirm(question, abort=True, err=True)


def note(text: str) -> None:
    """A line beside the answer: dimmed, and on stderr, so that stdout is the answer alone."""
    click.secho(text, dim=True, err=True, color=None if _allows_color() else False)


def note_unused_address(settings: "Settings") -> None:
    """For a command without `--base-url`, which works on the stored data although clients would use a server."""
    if "UNDERSTUDY_BASE_URL" in os.environ:
        where = "the database of the settings" if settings.database is not None else f"the data in {settings.data}"
        note(f"UNDERSTUDY_BASE_URL is not used: this command works on {where}. For a server, add --base-url.")


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
    live = rich.live.Live(refresh_per_second=_FRAMES_A_SECOND, vertical_overflow="visible")
    return _MarkdownWriter(live, rich.markdown.Markdown)


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
    """Renders the last block of the text again while it grows; blocks before it are printed once."""

    def __init__(self, live: Any, markdown: Any) -> None:
        self._live = live
        self._markdown = markdown
        self._text = ""

    def write(self, text: str) -> None:
        whole, self._text = split_blocks(self._text + text)
        if whole:
            self._live.console.print(self._markdown(f"{whole}\n"))
            self._live.console.print()
        self._live.update(self._markdown(self._text))

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


def split_blocks(text: str) -> tuple[str, str]:
    """The blocks of Markdown that are complete, and the rest, which may still grow.

    A block ends with an empty line outside of a fence.
    """
    end = text.rfind("\n\n")
    while end >= 0 and text.count("```", 0, end) % 2:
        end = text.rfind("\n\n", 0, end)
    return (text[:end], text[end + 2 :]) if end >= 0 else ("", text)


def _allows_color() -> bool:
    return "NO_COLOR" not in os.environ
