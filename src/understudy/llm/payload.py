"""Decodes JSON of providers, and repairs it for clients and databases if it is invalid.

Providers send invalid UTF-8, lone surrogates, NUL characters, NaN and integers of any size. Knows no dialect.
"""

import json
import math
import re
from typing import Any, Final

import msgspec

from understudy.errors import UpstreamError

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of msgspec for malformed or unexpected JSON."""

MAX_TOKEN_COUNT: Final = 2**31 - 1
"""Tokens; a larger count is an error of the provider, and clients with 32-bit integers could not read it."""

MAX_REPAIRABLE_BYTES: Final = 1 << 20
"""Bytes of JSON to repair; a longer repair would block the event loop."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_MAX_NUMBER_LENGTH: Final = 300
_REPLACEMENT: Final = "\ufffd"


def decode(data: bytes) -> Any:
    """The value, repaired if necessary. Raises UpstreamError(malformed) if it is not JSON."""
    if has_valid_text(data):
        try:
            return msgspec.json.decode(data)
        except DECODE_ERRORS:
            pass
    return repair(data)


def repair(data: bytes) -> Any:
    """The value with replacement characters for invalid UTF-8, and floats for large integers.

    Raises UpstreamError(malformed) if it is not JSON even so, or too large.
    """
    if len(data) > MAX_REPAIRABLE_BYTES:
        raise malformed(f"malformed JSON of {len(data)} bytes")
    try:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        return clean(json.loads(text, parse_int=_parse_integer, strict=False))
    except (ValueError, RecursionError):
        raise malformed("a body that is not JSON; check its base URL") from None


def encode(value: Any) -> bytes:
    """The JSON of a repaired value."""
    return msgspec.json.encode(value)


def parse_arguments(arguments: str) -> dict[str, Any]:
    """A call's arguments as an object; any other value becomes its member `arguments`."""
    try:
        parsed = msgspec.json.decode(arguments) if arguments.strip() else {}
    except DECODE_ERRORS:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": arguments}


def malformed(received: str) -> UpstreamError:
    return UpstreamError("malformed", f"The upstream returned {received}.")


def has_valid_text(data: bytes) -> bool:
    """Whether the JSON is valid UTF-8 without escaped NUL and lone surrogates."""
    if not data.isascii() and not _is_utf8(data):
        return False
    if b"\\u" not in data:
        return True
    return b"\\u0000" not in data and (b"\\ud" not in data.lower() or _is_json(data))


def clean(value: Any) -> Any:
    """A parsed value without NUL, lone surrogates, NaN and infinities."""
    match value:
        case str():
            return _UNSTORABLE.sub(_REPLACEMENT, value)
        case list():
            return [clean(item) for item in value]
        case dict():
            return {clean(name): clean(item) for name, item in value.items()}
        case float() if not math.isfinite(value):
            return None
    return value


def count(value: Any) -> int | None:
    """A token count from 0 to MAX_TOKEN_COUNT; None if the value is not a number."""
    return integer(value, MAX_TOKEN_COUNT)


def integer(value: Any, largest: int) -> int | None:
    """An integer from 0 to `largest`, also of a fraction or a numeric string; None for any other value."""
    if isinstance(value, str) and len(value) < 400:
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = isinstance(value, int) or (isinstance(value, float) and not math.isnan(value))
    return int(min(max(value, 0), largest)) if is_number and not isinstance(value, bool) else None


def text(value: Any) -> str | None:
    """The text of a string, a number or a list of parts; None for any other value."""
    match value:
        case str():
            return value
        case list():
            parts = (part.get("text") if isinstance(part, dict) else part for part in value)
            return "".join(part for part in parts if isinstance(part, str))
        case int() | float() if not isinstance(value, bool):
            return str(value)
    return None


def mapping(value: Any) -> dict[str, Any]:
    """The object, or an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The array, or an empty one for any other value."""
    return value if isinstance(value, list) else []


def _parse_integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits[:_MAX_NUMBER_LENGTH])


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except DECODE_ERRORS:
        return False
    return True
