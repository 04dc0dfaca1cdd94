"""Parses and validates bytes in JSON: data URLs and bare base64. Knows no request."""

import base64
import binascii
from typing import Final, Protocol

# Characters per decoding step, a multiple of 4: other threads run between the steps.
_CHUNK_CHARACTERS: Final = 1 << 18
_STRIP_WHITESPACE: Final = str.maketrans("", "", " \t\r\n")
_IMAGE_SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


def split(data: str) -> tuple[str, str]:
    """The media type of a data URL, empty without one, and its base64; bare base64 has no media type."""
    if data[:5].lower() != "data:":
        return "", data
    head, _, encoded = data.partition(",")
    return head[5:].partition(";")[0].strip().lower(), encoded


def declared_charset(data: str) -> str | None:
    """The `charset` of a data URL's media type."""
    if data[:5].lower() != "data:":
        return None
    for parameter in data[5:].partition(",")[0].split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or None
    return None


def decode_into(file: Sink, encoded: str) -> None:
    """Writes the bytes of base64, in steps. Raises binascii.Error for invalid base64."""
    rest = ""
    for at in range(0, len(encoded), _CHUNK_CHARACTERS):
        text = rest + encoded[at : at + _CHUNK_CHARACTERS].translate(_STRIP_WHITESPACE)
        end = len(text) - len(text) % 4
        rest = text[end:]
        file.write(_decode_base64(text[:end]))
    if rest:
        raise binascii.Error("it is not valid base64: it is cut off.")


def check_base64(encoded: str) -> None:
    """Raises binascii.Error."""
    decode_into(_NullSink(), encoded)


def decode_plain(encoded: str) -> bytes | None:
    """Decodes base64. Returns None if encoding the bytes does not result in the same text."""
    data = _Bytes()
    try:
        decode_into(data, encoded)
    except binascii.Error:
        return None
    last = len(data) - 1 - (len(data) - 1) % 3
    is_plain = len(encoded) == 4 * ((len(data) + 2) // 3) and encoded.endswith(base64.b64encode(data[last:]).decode())
    return bytes(data) if data and is_plain else None


def image_kind(head: bytes) -> str | None:
    """`png`, `jpeg`, `gif` or `webp`, by the first 16 bytes; None for another format."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for magic, kind in _IMAGE_SIGNATURES if head.startswith(magic)), None)


def first_bytes(encoded: str) -> bytes:
    """The first bytes of base64, 48 at most. Raises binascii.Error."""
    head = encoded[:128].translate(_STRIP_WHITESPACE)[:64]
    return _decode_base64(head[: len(head) - len(head) % 4])


class _Bytes(bytearray):
    def write(self, data: bytes) -> None:
        self.extend(data)


class _NullSink:
    def write(self, data: bytes, /) -> None:
        pass


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise binascii.Error("it is not valid base64.") from None
