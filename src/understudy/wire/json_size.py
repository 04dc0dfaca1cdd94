"""How many values a JSON text holds, counted before they are decoded, which takes seconds and gigabytes for millions.

What is counted stands outside of strings. The text is looked at in slices, none of which takes longer than a few
milliseconds, so that a thread that counts lets the others run.
"""

import re
from typing import Final

MAX_VALUES: Final = 300_000
"""The tokens that a request for embeddings may have at the hosted API, each a number."""

# An array or an object takes about three times what a number does.
_CONTAINER_SHARE: Final = 3
# A backslash costs as much to decode as 20 plain characters.
_ESCAPES: Final = 8_000_000
_SLICE_BYTES: Final = 1 << 20
_PREFIX_BYTES: Final = 1 << 16
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS: Final = bytes(sign for sign in range(256) if sign not in b"[]{}")
_BACKSLASH: Final = ord("\\")


def find_excess(data: bytes, values: int = MAX_VALUES) -> str | None:
    """The exceeded limit, as `at most 3 arrays and objects`; None where the text may be decoded.

    The result for a text that is not JSON is undefined.
    """
    containers = values // _CONTAINER_SHARE
    # The shortest text with so many takes two bytes for each: most bodies are not looked at.
    if len(data) > 2 * containers and _may_exceed(data, values, containers):
        found, opened = _count_values(data, values)
        if opened > containers:
            return f"at most {containers} arrays and objects"
        if found > values:
            return f"at most {values} values"
    if len(data) > _ESCAPES and _occurrences(data, b"\\") > _ESCAPES:
        return f"at most {_ESCAPES} escaped characters"
    return None


def is_deep_at_start(data: bytes, depth: int) -> bool:
    """Whether arrays and objects nest deeper than `depth` near the beginning of the text."""
    level = 0
    for sign in _STRING.sub(b"", data[:_PREFIX_BYTES]).translate(None, _NOT_BRACKETS):
        level += 1 if sign in b"[{" else -1
        if level > depth:
            return True
    return False


def _may_exceed(data: bytes, values: int, containers: int) -> bool:
    opened = _occurrences(data, b"[") + _occurrences(data, b"{")
    return opened > containers or opened + _occurrences(data, b",") > values


def _occurrences(data: bytes, sign: bytes) -> int:
    return sum(data.count(sign, start, start + _SLICE_BYTES) for start in range(0, len(data), _SLICE_BYTES))


def _count_values(data: bytes, values: int) -> tuple[int, int]:
    """Values, and arrays and objects among them, as far as was counted before there were too many."""
    found = opened = start = 0
    inside = False
    while start < len(data) and found <= values:
        end = start + _SLICE_BYTES
        # What a backslash escapes belongs to its slice.
        while end < len(data) and data[end - 1] == _BACKSLASH:
            end += 1
        piece = data[start:end]
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = piece.split(b'"')
        outside = b"".join(parts[inside::2])
        inside ^= len(parts) % 2 == 0
        opened += outside.count(b"[") + outside.count(b"{")
        found += outside.count(b"[") + outside.count(b"{") + outside.count(b",")
        start = end
    return found, opened
