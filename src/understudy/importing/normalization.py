"""Makes of an object in the input one that can be sorted: an id, a time, and the ids of what it belongs to."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.importing.found import Found
from understudy.importing.identifiers import (
    add_inner_prefixes,
    add_own_prefixes,
    add_prefix,
    has_inner_references,
)
from understudy.importing.objects import ORDER_MEMBER, ROW_PREFIX, Kind

_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_PARENTS: Final[dict[Kind, tuple[str, ...]]] = {
    "message": ("thread_id",),
    "run": ("thread_id",),
    "step": ("run_id", "thread_id"),
    "vector_store_file": ("vector_store_id",),
}
"""What an object belongs to; lists are of the first."""

_TIMES: Final = frozenset(
    {
        "created_at",
        "started_at",
        "completed_at",
        "cancelled_at",
        "failed_at",
        "expired_at",
        "expires_at",
        "incomplete_at",
        "last_active_at",
    }
)
_OTHER_TIMES: Final = _TIMES - {"created_at"}
_MILLISECONDS: Final = 100_000_000_000
_LATEST: Final = 253_402_300_799  # the end of the year 9999
_LARGEST_PLACE: Final = 1 << 62


class InvalidObject(Exception):
    """The text is a sentence."""


class NormalizedObject(Struct, frozen=True):
    """`source_id` is the id in the input, which may lack the prefix of its kind.

    `parent` is the id of the thread, run or vector store that the object belongs to, or empty. Objects are sorted by
    `sort_time`, then by `place` where the export has one, else by their place in the input.
    """

    kind: Kind
    id: str
    source_id: str
    parent: str
    sort_time: int
    place: int | None
    body: bytes


def normalize(found: Found) -> NormalizedObject:
    """Raises InvalidObject."""
    body = found.body
    identifier = body.get("id")
    if not isinstance(identifier, str) or not is_id(identifier):
        raise InvalidObject(f"Invalid id {str(identifier)[:128]!r}.")
    source_id = identifier
    if "metadata_" in body:  # open-assistant-api
        body.setdefault("metadata", body.pop("metadata_"))
    for name in _PARENTS.get(found.kind, ()):
        if body.get(name) is None:
            body[name] = getattr(found.parents, name)
        if not is_id(body[name]):
            raise InvalidObject(f"{identifier}: invalid {name} {str(body[name])[:128]!r}.")
    is_row = str(body.get("object")).startswith(ROW_PREFIX)
    if not is_row:
        identifier = body["id"] = add_prefix(found.kind, identifier)
    _convert_times(body)
    sort_time, place = _take_order(body)
    parents = _PARENTS.get(found.kind)
    try:
        encoded = msgspec.json.encode(body) if is_row else _encode_object(found.kind, body)
    except (OverflowError, ValueError, RecursionError) as error:
        raise InvalidObject(f"{identifier} has a value that JSON cannot hold: {error}.") from None
    parent = str(body[parents[0]]) if parents else ""
    return NormalizedObject(found.kind, identifier, source_id, parent, sort_time, place, encoded)


def _encode_object(kind: Kind, body: dict[str, Any]) -> bytes:
    """With prefixes of what the object refers to. Most messages refer to nothing in their contents."""
    add_own_prefixes(body)
    encoded = msgspec.json.encode(body)
    if not has_inner_references(kind, encoded):
        return encoded
    add_inner_prefixes(body)
    return msgspec.json.encode(body)


def _take_order(body: dict[str, Any]) -> tuple[int, int | None]:
    """What the object is sorted by; its members do not include it."""
    if ORDER_MEMBER not in body:
        return body.get("created_at") or 0, None
    match body.pop(ORDER_MEMBER):
        case [int(sort_time), int(place)] if 0 <= sort_time <= _LATEST and 0 <= place < _LARGEST_PLACE:
            return sort_time, place
    return body.get("created_at") or 0, None


def _convert_times(body: dict[str, Any]) -> None:
    for name in () if _has_plain_times(body) else _TIMES & body.keys():
        value = body[name]
        if value is not None and (
            not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MILLISECONDS
        ):
            body[name] = parse_time(value) or (0 if name == "created_at" else None)


def _has_plain_times(body: dict[str, Any]) -> bool:
    """Whether `created_at` is in seconds, and the only time."""
    created_at = body.get("created_at")
    return type(created_at) is int and 0 <= created_at < _MILLISECONDS and _OTHER_TIMES.isdisjoint(body)


def parse_time(value: Any) -> int:
    """Unix seconds of a number, of milliseconds or of an ISO time, which is in UTC without a zone; 0 for all else."""
    if isinstance(value, str):
        value = _parse_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LATEST * 1000:
        return 0
    seconds = int(value / 1000 if value > _MILLISECONDS else value)
    return seconds if seconds <= _LATEST else 0


def _parse_text(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def parents_of_entry(name: str) -> Mapping[str, str]:
    """The ids of a thread, run or vector store in the name of an entry, as in `thread_1/run_2.json`."""
    prefixes = {"thread_": "thread_id", "run_": "run_id", "vs_": "vector_store_id"}
    found = {}
    for part in name.split("/"):
        stem = part.split(".")[0]
        for prefix, member in prefixes.items():
            if stem.startswith(prefix) and is_id(stem):
                found[member] = stem
    return found
