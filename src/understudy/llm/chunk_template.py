"""The bytes that all chunks of one stream share around their text, so that most chunks need no decoding.

A chunk that differs from a valid one only in the characters of a string is valid, too.
"""

import re
from typing import Final

from understudy.llm.chunks import Chunk
from understudy.llm.payload import has_valid_text

# The inside of a JSON string without numeric escapes, which may be NUL or lone surrogates.
_TEXT: Final = re.compile(rb'[ !#-\[\]-~\x80-\xff]*(?:\\["\\/bfnrt][ !#-\[\]-~\x80-\xff]*)*')
_CONTENT: Final = re.compile(rb'"content": ?"([ !#-\[\]-~]+)"')
_ATTEMPTS: Final = 4
"""Chunks of a stream to learn a template from; some providers pad each chunk differently."""
_FIELD: Final = b"data: "
_END: Final = b"\n\n"


class ChunkTemplate:
    def __init__(self) -> None:
        self._before: bytes | None = None
        self._after = b""
        self._start = self._behind = 0
        self._attempts = _ATTEMPTS
        self._opening: bytes | None = None
        self._ending = self._between = b""

    @property
    def is_learning(self) -> bool:
        """Whether the next chunk may become the template."""
        return self._opening is None and self._attempts > 0

    def matches(self, data: bytes) -> bool:
        """Whether the chunk differs from the template only in its text."""
        before = self._before
        return (
            before is not None
            and data.startswith(before)
            and data.endswith(self._after)
            and _TEXT.fullmatch(data, self._start, len(data) - self._behind) is not None
            and (data.isascii() or has_valid_text(data))
        )

    def match_events(self, data: bytes) -> tuple[int, int]:
        """How many events at the beginning of `data` are chunks of the template, and their bytes.

        One split and one search for all of them: a look at each would take longer than to relay it.
        """
        opening = self._opening
        if opening is None or not data.startswith(opening):
            return 0, 0
        texts = data[len(opening) :].split(self._between)
        texts[-1], ending, rest = texts[-1].partition(self._ending)
        # Without its ending, the last event is incomplete.
        size = len(data) - (len(rest) if ending else len(texts.pop()) + len(opening))
        # Behind a space, no backslash and no byte of UTF-8 has a meaning for what follows.
        joined = b" ".join(texts)
        if _TEXT.fullmatch(joined) is None or not (joined.isascii() or has_valid_text(joined)):
            return 0, 0
        return len(texts), size

    def learn(self, data: bytes, chunk: Chunk) -> None:
        """Makes `data`, encoded `chunk`, the template if the chunk has text and nothing else."""
        if not self._attempts or not _is_text(chunk) or b"\n" in data:
            return
        self._attempts -= 1
        match = _CONTENT.search(data)
        if match is None:
            return
        self._start, end = match.span(1)
        self._before, self._after = data[: self._start], data[end:]
        self._behind = len(self._after)
        if chunk.usage is None:
            self._opening = _FIELD + self._before
            self._ending = self._after + _END
            self._between = self._ending + self._opening


def _is_text(chunk: Chunk) -> bool:
    """Whether every choice has text, and neither tool calls nor a finish reason."""
    return bool(chunk.choices) and all(
        choice.delta is not None and choice.delta.content and not choice.delta.tool_calls and not choice.finish_reason
        for choice in chunk.choices or ()
    )
