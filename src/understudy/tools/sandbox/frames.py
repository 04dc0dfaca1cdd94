"""What the relay inside says, held against its form. Its words may be an attacker's: whatever is out of form ends it.

A frame is four bytes of length and one JSON object, checked for size before it is read and for every member after.
"""

import struct
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from understudy.tools.sandbox.outputs import Error, Image, Output, Stream, Value, plain

HEADER: Final = struct.Struct("!I")
LARGEST: Final = 16 << 20
SIGNATURES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class Hostile(Exception):
    """The inside said what no relay of ours says."""


@dataclass(frozen=True, slots=True)
class Said:
    cell: int
    output: Output


@dataclass(frozen=True, slots=True)
class Done:
    cell: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Restarted:
    """The kernel is a new one. `how` says what ended the old one, `reason` why, where somebody wanted it.

    `cell` is the one that ran, 0 where none did.
    """

    cell: int
    reason: str
    how: str


@dataclass(frozen=True, slots=True)
class Ready:
    pass


Event: TypeAlias = Said | Done | Restarted | Ready


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    def event(self) -> Event:
        """Raises Hostile."""
        raise NotImplementedError


class _Stream(_Frame, frozen=True, tag="stream"):
    cell: int
    name: Literal["stdout", "stderr"]
    text: str

    def event(self) -> Event:
        return Said(self.cell, Stream(self.name, plain(self.text)))


class _Value(_Frame, frozen=True, tag="value"):
    cell: int
    text: str

    def event(self) -> Event:
        return Said(self.cell, Value(plain(self.text)))


class _Image(_Frame, frozen=True, tag="image"):
    cell: int
    mime: Literal["image/png", "image/jpeg"]
    data: bytes

    def event(self) -> Event:
        if not self.data.startswith(SIGNATURES[self.mime]):
            raise Hostile(f"an {self.mime} that is none")
        return Said(self.cell, Image(self.mime, self.data))


class _Error(_Frame, frozen=True, tag="error"):
    cell: int
    name: str
    message: str
    traceback: str

    def event(self) -> Event:
        return Said(self.cell, Error(plain(self.name), plain(self.message), plain(self.traceback)))


class _Done(_Frame, frozen=True, tag="done"):
    cell: int
    ok: bool

    def event(self) -> Event:
        return Done(self.cell, self.ok)


class _Restarted(_Frame, frozen=True, tag="restarted"):
    cell: int
    reason: str
    how: str

    def event(self) -> Event:
        return Restarted(self.cell, plain(self.reason)[:1000], plain(self.how)[:100])


class _Ready(_Frame, frozen=True, tag="ready"):
    def event(self) -> Event:
        return Ready()


_decoder: Final = msgspec.json.Decoder(_Stream | _Value | _Image | _Error | _Done | _Restarted | _Ready)


def size(header: bytes) -> int:
    """The length of the frame that follows. Raises Hostile."""
    (length,) = HEADER.unpack(header)
    if length > LARGEST:
        raise Hostile(f"a frame of {length} bytes")
    return int(length)


def event(data: bytes) -> Event:
    """Raises Hostile."""
    try:
        frame: _Frame = _decoder.decode(data)
        return frame.event()
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Hostile(f"a frame that is none: {error}") from error


def framed(**order: object) -> bytes:
    data = msgspec.json.encode(order)
    return HEADER.pack(len(data)) + data
