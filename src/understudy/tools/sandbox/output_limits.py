"""Limits the output of one cell. Text or images beyond the limits are dropped, with one note for each of the two."""

from collections.abc import Iterator
from typing import Final

from understudy.tools.sandbox import notes
from understudy.tools.sandbox.outputs import Error, Image, Note, Output, Stream, Value

MAX_IMAGES: Final = 20
# Another image is accepted while this is not used up; each has its own limit before.
_ERROR_BYTES: Final = 64 * 1024
# Bytes beyond the limits that are read and dropped, before the kernel is killed.
_MAX_TOTAL_BYTES: Final = 256 << 20


class OutputFlood(Exception):
    """The output exceeds the limits of our own relay by far."""


class OutputLimiter:
    def __init__(self, text_bytes: int) -> None:
        self._limit = text_bytes
        self._text_left = text_bytes
        self._images_left = MAX_IMAGES
        self._errors_left = _ERROR_BYTES
        self._flood_left = _MAX_TOTAL_BYTES

    def limit_output(self, output: Output) -> Iterator[Output]:
        """The outputs within the limits. Raises OutputFlood."""
        match output:
            case Stream(name, text):
                yield from self._limit_text(text, Stream(name, self._truncate(text)))
            case Value(text):
                yield from self._limit_text(text, Value(self._truncate(text)))
            case Error():
                yield from self._limit_error(output)
            case Image(data=data):
                yield from self._limit_image(output, len(data))
            case _:
                yield output

    def _truncate(self, text: str) -> str:
        return text.encode()[: max(self._text_left, 0)].decode(errors="ignore")

    def _limit_text(self, text: str, output: Stream | Value) -> Iterator[Output]:
        size = len(text.encode())
        self._count_bytes(size)
        was_left, self._text_left = self._text_left, self._text_left - size
        if output.text:
            yield output
        if was_left >= 0 > self._text_left:
            yield Note(notes.describe_truncated_text(self._limit))

    def _limit_error(self, error: Error) -> Iterator[Output]:
        """Passed on even when the text limit is used up: errors are short and essential, and code raises one."""
        size = sum(len(text.encode()) for text in (error.name, error.message, error.traceback))
        self._count_bytes(size)
        was_left, self._errors_left = self._errors_left, self._errors_left - size
        if was_left > 0:
            yield error

    def _limit_image(self, image: Image, size: int) -> Iterator[Output]:
        self._count_bytes(size)
        self._images_left -= 1
        if self._images_left >= 0:
            yield image
        elif self._images_left == -1:
            yield Note(notes.describe_omitted_images(MAX_IMAGES))

    def _count_bytes(self, size: int) -> None:
        self._flood_left -= size
        if self._flood_left < 0:
            raise OutputFlood
