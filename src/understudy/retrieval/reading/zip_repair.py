"""Repairs ZIP archives without their central directory from the members that are left. Source: APPNOTE 4.3.7."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LOCAL_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_LOCAL_HEADER_MAGIC: Final = b"PK\x03\x04"
_ENCRYPTED_FLAG: Final = 1
_MAX_UNPACKED_BYTES: Final = 256 << 20
"""Bytes that all members together may unpack to."""

_MAX_MEMBERS: Final = 10_000


def repair_archive(path: Path) -> zipfile.ZipFile:
    """The last member may be incomplete. Raises ValueError if no member is left."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        members = 0
        for name, data in _iter_members(path.read_bytes()):
            archive.writestr(name, data)
            members += 1
    if not members:
        raise ValueError("The archive has no members.")
    return zipfile.ZipFile(out)


def _iter_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    at, left = data.find(_LOCAL_HEADER_MAGIC), _MAX_UNPACKED_BYTES
    while 0 <= at <= len(data) - _LOCAL_HEADER.size and left > 0 and len(seen) < _MAX_MEMBERS:
        _, _, flags, method, _, _, _, packed, _, name_size, extra_size = _LOCAL_HEADER.unpack_from(data, at)
        start = at + _LOCAL_HEADER.size + name_size + extra_size
        name = data[at + _LOCAL_HEADER.size : at + _LOCAL_HEADER.size + name_size].decode("utf-8", "replace")
        unpacked, end = _unpack_member(data, start, packed, method, left)
        left -= len(unpacked)
        if name and name not in seen and not flags & _ENCRYPTED_FLAG and not name.endswith("/"):
            seen.add(name)
            yield name, unpacked
        at = data.find(_LOCAL_HEADER_MAGIC, max(end, at + 4))


def _unpack_member(data: bytes, start: int, packed: int, method: int, most: int) -> tuple[bytes, int]:
    """The unpacked bytes of a member, as far as they are present, and the position of its end."""
    if method == zipfile.ZIP_STORED:
        return data[start : start + packed][:most], start + packed
    if method != zipfile.ZIP_DEFLATED:
        return b"", start + packed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = inflater.decompress(memoryview(data)[start:], most)
    except zlib.error:
        return b"", start + packed
    return unpacked, len(data) - len(inflater.unused_data) if inflater.eof else start + packed
