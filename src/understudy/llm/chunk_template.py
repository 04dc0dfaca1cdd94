"""What the chunks of one stream have in common around their text, so that most of them need no decoding.

A chunk that differs from a sound one in nothing but the characters of a string is sound, too.
"""

import re
from typing import Final

from understudy.llm.chunks import Chunk

# The inside of a JSON string, without escapes by number: they could be NUL or lone surrogates.
_TEXT: Final = re.compile(rb'[ !#-\[\]-~]*(?:\\["\\/bfnrt][ !#-\[\]-~]*)*')
_CONTENT: Final = re.compile(rb'"content": ?"([ !#-\[\]-~]+)"')
_ATTEMPTS: Final = 4
"""Chunks of a stream that are looked at for a template; some providers pad each one differently."""


class ChunkTemplate:
    def __init__(self) -> None:
        self._before: bytes | None = None
        self._after = b""
        self._start = self._behind = 0
        self._attempts = _ATTEMPTS

    def matches(self, data: bytes) -> bool:
        """Whether the chunk is the learned one with another text."""
        before = self._before
        return (
            before is not None
            and data.startswith(before)
            and data.endswith(self._after)
            and _TEXT.fullmatch(data, self._start, len(data) - self._behind) is not None
        )

    def learn(self, data: bytes, chunk: Chunk) -> None:
        """Takes `chunk`, the decoded `data`, for the template where it says a text and nothing else."""
        if not self._attempts or not _is_text(chunk) or b"\n" in data:
            return
        self._attempts -= 1
        found = _CONTENT.search(data)
        if found is not None:
            self._start, end = found.span(1)
            self._before, self._after = data[: self._start], data[end:]
            self._behind = len(self._after)


def _is_text(chunk: Chunk) -> bool:
    """Whether nothing has to be noted about the chunk: it finishes nothing and calls nothing."""
    return bool(chunk.choices) and all(
        choice.delta is not None and choice.delta.content and not choice.delta.tool_calls and not choice.finish_reason
        for choice in chunk.choices or ()
    )
