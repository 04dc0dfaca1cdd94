"""Renders pages of a PDF without text, such as scans, as images. Runs in a child process."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

# A page is rendered at most at this multiple of 72 dots per inch.
_MAX_SCALE: Final = 4.0
# 16 levels a channel: readable, and the noise of a scanner compresses.
_GREY_LEVELS: Final = bytes((value >> 4) * 17 for value in range(256))


def render_pages(path: Path, most: int, edge: int, size: int) -> tuple[list[tuple[int, bytes]], list[int]]:
    """The pages without text: PNGs by page number, from 1, and the numbers of the omitted pages.

    Each PNG has at most `edge` pixels a side; at most `most` pages and `size` bytes in all. Empty for a file that
    cannot be opened as a PDF.
    """
    drawn: list[tuple[int, bytes]] = []
    left_out: list[int] = []
    for number, page in _pages_without_text(path):
        image = _render_png(page, edge) if len(drawn) < most and not left_out else b""
        if image and len(image) <= size:
            size -= len(image)
            drawn.append((number, image))
        else:
            left_out.append(number)
    return drawn, left_out


def _pages_without_text(path: Path) -> Iterator[tuple[int, Any]]:
    import pypdfium2  # noqa: PLC0415 - a reader loads what it reads with

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return
    for number, page in enumerate(document, 1):
        words = page.get_textpage()
        has_text = bool(words.get_text_bounded().strip())
        words.close()
        if not has_text and next(iter(page.get_objects(max_depth=1)), None) is not None:
            yield number, page
        page.close()


def _render_png(page: Any, edge: int) -> bytes:
    width, height = page.get_size()
    scale = min(edge / max(width, height, 1.0), _MAX_SCALE)
    bitmap = page.render(scale=scale, rev_byteorder=True)
    try:
        return _encode_png(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels)
    finally:
        bitmap.close()


def _encode_png(pixels: bytes, width: int, height: int, stride: int, channels: int) -> bytes:
    """A PNG with 8 bits a channel; greyscale if all pixels are grey."""
    lines = [pixels[at : at + width * channels].translate(_GREY_LEVELS) for at in range(0, stride * height, stride)]
    planes = [b"".join(line[channel::channels] for line in lines) for channel in range(channels)]
    if channels > 1 and planes[0] == planes[1] == planes[2]:
        lines = [planes[0][at : at + width] for at in range(0, width * height, width)]
        channels = 1
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 6)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", data) + _png_chunk(b"IEND", b"")


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
