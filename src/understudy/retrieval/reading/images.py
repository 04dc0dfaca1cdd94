"""Reads images, whose text was recognized before: each is a page, and so is each image of a TIFF."""

from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import ScannedPagesError, UnreadableError

SUFFIXES: Final = ("bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp")
_MAX_PAGES: Final = 10_000


def read_image(source: Source) -> Iterator[str]:
    if source.recognized is None:
        raise ScannedPagesError(range(1, _count_pages(source) + 1))
    for number, text in sorted(source.recognized.items()):
        source.page = number
        if text:
            yield f"{text}\n\n"
    source.page = 0
    if not any(source.recognized.values()):
        raise UnreadableError("invalid_file", "No text was recognized in the image.")


def _count_pages(source: Source) -> int:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - a reader loads what it reads with

    try:
        with Image.open(source.path) as image:
            if image.format != "TIFF":
                return 1
            count = 1
            while count < _MAX_PAGES:
                try:
                    image.seek(count)
                except EOFError:
                    break
                count += 1
            return count
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise UnreadableError("invalid_file", "The file is not an image, despite its name, or is too large.") from None
