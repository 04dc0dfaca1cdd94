"""Encodes the events of runs for other processes, and decodes those of others. MessagePack, one map per event.

What the views start from is opaque here too: `decode_origin` of `engine/views/origins.py` decodes it. An event with an
unknown tag is of a newer version, whose processes may receive it through this one.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, Union

import msgspec

from understudy.engine.run import events
from understudy.engine.run.events import Event, UnknownEvent
from understudy.engine.run.log_entries import LogEntry

_KINDS: Final = tuple(kind for kind in Event.__subclasses__() if kind is not UnknownEvent)
_KIND: Final = Union[_KINDS]  # noqa: UP007 - a union of the members of a tuple
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_events: Final = msgspec.msgpack.Decoder(list[_KIND]).decode  # type: ignore[valid-type]
_decode_event: Final = msgspec.msgpack.Decoder(_KIND).decode
_decode_raw_events: Final = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
# Which member of which events the views start from.
_OPAQUE: Final[dict[type[Event], str]] = {
    events.RunQueued: "origin",
    events.ResponseReplayed: "origin",
    events.RunRestored: "origin",
    events.CallRendered: "item",
}


class _Tagged(msgspec.Struct):
    event: str


_decode_tag: Final = msgspec.msgpack.Decoder(_Tagged).decode
_TAGS: Final = frozenset(kind.__struct_config__.tag for kind in _KINDS)


class _EncodedEntry(msgspec.Struct, array_like=True):
    """An entry of a log; `lengths` are those of the deltas that were merged into it."""

    number: int
    first: int
    lengths: list[int]
    event: _KIND  # type: ignore[valid-type]


class _RawEntry(msgspec.Struct, array_like=True):
    number: int
    first: int
    lengths: list[int]
    event: msgspec.Raw


_decode_entries: Final = msgspec.msgpack.Decoder(list[_EncodedEntry]).decode
_decode_raw_entries: Final = msgspec.msgpack.Decoder(list[_RawEntry]).decode


class EventCodec:
    """`decode_origin` makes the value of an event's opaque member from the maps and lists that were decoded."""

    def __init__(self, decode_origin: Callable[[type[Event], Any], Any]) -> None:
        self._decode_origin = decode_origin

    def encode(self, some: Sequence[Event]) -> bytes:
        return _encode([_to_encodable(event) for event in some])

    def decode(self, body: bytes) -> list[Event]:
        """Raises msgspec.ValidationError if it is not a list of events."""
        try:
            decoded: list[Event] = _decode_events(body)
        except msgspec.ValidationError:
            return [self._decode_one(raw) for raw in _decode_raw_events(body)]
        return [self._restore(event) if type(event) in _OPAQUE else event for event in decoded]

    def encode_entries(self, entries: Iterable[LogEntry]) -> bytes:
        """A whole log, whose merged deltas stay merged."""
        return _encode(
            [_EncodedEntry(entry.number, entry.first, _lengths(entry), _to_encodable(entry.event)) for entry in entries]
        )

    def decode_entries(self, body: bytes) -> list[LogEntry]:
        """Raises msgspec.ValidationError if it is not a log."""
        try:
            encoded = _decode_entries(body)
        except msgspec.ValidationError:
            return [_to_entry(raw, self._decode_one(raw.event)) for raw in _decode_raw_entries(body)]
        return [
            _to_entry(entry, self._restore(entry.event) if type(entry.event) in _OPAQUE else entry.event)
            for entry in encoded
        ]

    def _decode_one(self, raw: msgspec.Raw) -> Event:
        if _decode_tag(raw).event not in _TAGS:
            return UnknownEvent(bytes(raw))
        event: Event = _decode_event(raw)
        return self._restore(event) if type(event) in _OPAQUE else event

    def _restore(self, event: Event) -> Event:
        name = _OPAQUE[type(event)]
        return msgspec.structs.replace(event, **{name: self._decode_origin(type(event), getattr(event, name))})


def _to_encodable(event: Event) -> Event | msgspec.Raw:
    return msgspec.Raw(event.raw) if type(event) is UnknownEvent else event


def _to_entry(encoded: _EncodedEntry | _RawEntry, event: Event) -> LogEntry:
    lengths = encoded.lengths
    ends = array("I", accumulate(lengths)) if lengths else None
    return LogEntry(encoded.number, event, encoded.first, ends=ends)


def _lengths(entry: LogEntry) -> list[int]:
    if entry.ends is None:
        return []
    return [end - start for start, end in zip((0, *entry.ends), entry.ends, strict=False)]
