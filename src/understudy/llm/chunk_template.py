"""The bytes that all chunks of one stream share around their text, so that most chunks need no decoding.

A chunk that differs from a valid one only in the characters of a string is valid, too.
"""

import re
from typing import Final

import msgspec

from understudy.llm.chunks import Chunk, Delta, parse_valid_chunk
from understudy.llm.payload import has_valid_text

# The inside of a JSON string without numeric escapes, which may be NUL or lone surrogates.
_TEXT: Final = re.compile(rb'[ !#-\[\]-~\x80-\xff]*(?:\\["\\/bfnrt][ !#-\[\]-~\x80-\xff]*)*')
_CONTENT: Final = re.compile(rb'"content": ?"([ !#-\[\]-~]+)"')
_ATTEMPTS: Final = 4
"""Chunks of a stream to learn a template from; some providers pad each chunk differently."""
_FIELD: Final = b"data: "
_END: Final = b"\n\n"
_SAMPLE: Final = "Sample"
_decode_texts: Final = msgspec.json.Decoder(list[str]).decode


class Framing:
    """What stands before, between and after the texts of events that differ in nothing else."""

    __slots__ = ("_is_plain", "between", "ending", "opening")

    def __init__(self, before: bytes, after: bytes) -> None:
        """`before` and `after` are around the text of a chunk."""
        self.opening = _FIELD + before
        self.ending = after + _END
        self.between = self.ending + self.opening
        self._is_plain: bool | None = None

    def read_texts(self, events: bytes) -> list[str] | None:
        """The texts of whole events; None if their chunks have something else that a reader of one choice needs."""
        if self._is_plain is None:
            self._is_plain = self._has_only_text()
        if not self._is_plain:
            return None
        texts = events[len(self.opening) : -len(self.ending)].split(self.between)
        return _decode_texts(b'["' + b'","'.join(texts) + b'"]')

    def _has_only_text(self) -> bool:
        """Judged by a chunk with a text that no other member has."""
        chunk = parse_valid_chunk(self.opening[len(_FIELD) :] + _SAMPLE.encode() + self.ending[: -len(_END)])
        choices = () if chunk is None else chunk.choices or ()
        return len(choices) == 1 and _is_only_text(choices[0].delta)


class ChunkTemplate:
    def __init__(self) -> None:
        self._before: bytes | None = None
        self._after = b""
        self._start = self._behind = 0
        self._attempts = _ATTEMPTS
        self.framing: Framing | None = None
        """The framing of the events that `match_events` finds."""

    @property
    def is_learning(self) -> bool:
        """Whether the next chunk may become the template."""
        return self.framing is None and self._attempts > 0

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
        framing = self.framing
        if framing is None or not data.startswith(framing.opening):
            return 0, 0
        opening = framing.opening
        texts = data[len(opening) :].split(framing.between)
        texts[-1], ending, rest = texts[-1].partition(framing.ending)
        # Without its ending, the last event is incomplete.
        size = len(data) - (len(rest) if ending else len(texts.pop()) + len(opening))
        # After a space, no backslash and no byte of UTF-8 has a meaning for what follows.
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
            self.framing = Framing(self._before, self._after)


def _is_text(chunk: Chunk) -> bool:
    """Whether every choice has text, and neither tool calls nor a finish reason."""
    return bool(chunk.choices) and all(
        choice.delta is not None and choice.delta.content and not choice.delta.tool_calls and not choice.finish_reason
        for choice in chunk.choices or ()
    )


def _is_only_text(delta: Delta | None) -> bool:
    return (
        delta is not None
        and delta.content == _SAMPLE
        and not (delta.refusal or delta.tool_calls or delta.reasoning_content or delta.reasoning or delta.phase)
    )
