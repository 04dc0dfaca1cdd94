"""The bytes that all chunks of one stream share around their text, so that most chunks need no decoding.

A chunk that differs from a valid one only in the characters of a string is valid, too.
"""

import re
from typing import Final

from understudy.llm.chunks import Chunk

# The inside of a JSON string without numeric escapes, which may be NUL or lone surrogates.
_TEXT: Final = re.compile(rb'[ !#-\[\]-~]*(?:\\["\\/bfnrt][ !#-\[\]-~]*)*')
_CONTENT: Final = re.compile(rb'"content": ?"([ !#-\[\]-~]+)"')
_ATTEMPTS: Final = 4
"""Chunks of a stream to learn a template from; some providers pad each chunk differently."""


class ChunkTemplate:
    def __init__(self) -> None:
        self._before: bytes | None = None
        self._after = b""
        self._start = self._behind = 0
        self._attempts = _ATTEMPTS

    def matches(self, data: bytes) -> bool:
        """Whether the chunk differs from the template only in its text."""
        before = self._before
        return (
            before is not None
            and data.startswith(before)
            and data.endswith(self._after)
            and _TEXT.fullmatch(data, self._start, len(data) - self._behind) is not None
        )

    def learn(self, data: bytes, chunk: Chunk) -> None:
        """Makes `data`, encoded `chunk`, the template if the chunk has text and nothing else."""
        if not self._attempts or not _is_text(chunk) or b"\n" in data:
            return
        self._attempts -= 1
        match = _CONTENT.search(data)
        if match is not None:
            self._start, end = match.span(1)
            self._before, self._after = data[: self._start], data[end:]
            self._behind = len(self._after)


def _is_text(chunk: Chunk) -> bool:
    """Whether every choice has text, and neither tool calls nor a finish reason."""
    return bool(chunk.choices) and all(
        choice.delta is not None and choice.delta.content and not choice.delta.tool_calls and not choice.finish_reason
        for choice in chunk.choices or ()
    )
