"""The chunks that one read of a stream brings. Knows no dialect and no provider."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from understudy.llm.chunk_template import Framing

_FIELD: Final = b"data: "
_END: Final = b"\n\n"


class ChunkBatch(Sequence[bytes]):
    """Encoded chunks in order: those `before` the run, the `run_length` chunks of the run, and those `after` it.

    `run` has its chunks as framed events. Each of them has choices and text, and neither usage nor anything else, so
    that it is relayed without a look.
    """

    __slots__ = ("_framing", "after", "before", "run", "run_length")

    def __init__(self) -> None:
        self.before: list[bytes] = []
        self.run = b""
        self.run_length = 0
        self.after: list[bytes] = []
        self._framing: Framing | None = None

    @property
    def run_texts(self) -> list[str] | None:
        """The texts of the chunks of the run; None where one may have more than its text."""
        return None if self._framing is None else self._framing.read_texts(self.run)

    @property
    def run_chunks(self) -> list[bytes]:
        """The chunks of the run."""
        return [event[len(_FIELD) :] for event in self.run[: -len(_END)].split(_END)] if self.run else []

    @property
    def last(self) -> list[bytes]:
        """The list that further chunks are added to."""
        return self.after if self.run else self.before

    def set_run(self, events: bytes, count: int, framing: Framing | None = None) -> None:
        """Adds the chunks of framed events, each of one line."""
        self.run, self.run_length, self._framing = events, count, framing

    def __len__(self) -> int:
        return len(self.before) + self.run_length + len(self.after)

    def __iter__(self) -> Iterator[bytes]:
        yield from self.before
        yield from self.run_chunks
        yield from self.after

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]
