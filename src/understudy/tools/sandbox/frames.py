"""Validates the frames from the relay inside. They may be an attacker's: any invalid frame ends the sandbox.

A frame is a length of four bytes and one JSON object; its size is checked before it is read, and every member after.
"""

import struct
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from understudy.tools.sandbox.outputs import Error, Image, Output, Stream, Value, strip_control_characters

HEADER: Final = struct.Struct("!I")
MAX_FRAME_BYTES: Final = 16 << 20
SIGNATURES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class InvalidFrame(Exception):
    """The relay's output is malformed, so it is not our relay."""


@dataclass(frozen=True, slots=True)
class CellOutput:
    cell: int
    output: Output


@dataclass(frozen=True, slots=True)
class CellDone:
    cell: int
    ok: bool


@dataclass(frozen=True, slots=True)
class KernelRestarted:
    """The kernel was replaced. `how` is the old one's exit code or signal, `reason` why it was replaced on request.

    `cell` is the number of the running cell, 0 without one.
    """

    cell: int
    reason: str
    how: str


@dataclass(frozen=True, slots=True)
class KernelReady:
    pass


Event: TypeAlias = CellOutput | CellDone | KernelRestarted | KernelReady


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    def event(self) -> Event:
        """Raises InvalidFrame."""
        raise NotImplementedError


class _Stream(_Frame, frozen=True, tag="stream"):
    cell: int
    name: Literal["stdout", "stderr"]
    text: str

    def event(self) -> Event:
        return CellOutput(self.cell, Stream(self.name, strip_control_characters(self.text)))


class _Value(_Frame, frozen=True, tag="value"):
    cell: int
    text: str

    def event(self) -> Event:
        return CellOutput(self.cell, Value(strip_control_characters(self.text)))


class _Image(_Frame, frozen=True, tag="image"):
    cell: int
    mime: Literal["image/png", "image/jpeg"]
    data: bytes

    def event(self) -> Event:
        if not self.data.startswith(SIGNATURES[self.mime]):
            raise InvalidFrame(f"malformed {self.mime}")
        return CellOutput(self.cell, Image(self.mime, self.data))


class _Error(_Frame, frozen=True, tag="error"):
    cell: int
    name: str
    message: str
    traceback: str

    def event(self) -> Event:
        return CellOutput(
            self.cell,
            Error(
                strip_control_characters(self.name),
                strip_control_characters(self.message),
                strip_control_characters(self.traceback),
            ),
        )


class _Done(_Frame, frozen=True, tag="done"):
    cell: int
    ok: bool

    def event(self) -> Event:
        return CellDone(self.cell, self.ok)


class _Restarted(_Frame, frozen=True, tag="restarted"):
    cell: int
    reason: str
    how: str

    def event(self) -> Event:
        return KernelRestarted(
            self.cell, strip_control_characters(self.reason)[:1000], strip_control_characters(self.how)[:100]
        )


class _Ready(_Frame, frozen=True, tag="ready"):
    def event(self) -> Event:
        return KernelReady()


_decoder: Final = msgspec.json.Decoder(_Stream | _Value | _Image | _Error | _Done | _Restarted | _Ready)


def size(header: bytes) -> int:
    """The length of the next frame. Raises InvalidFrame."""
    (length,) = HEADER.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise InvalidFrame(f"a frame of {length} bytes")
    return int(length)


def event(data: bytes) -> Event:
    """Raises InvalidFrame."""
    try:
        frame: _Frame = _decoder.decode(data)
        return frame.event()
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InvalidFrame(f"malformed frame: {error}") from error


def encode_frame(**order: object) -> bytes:
    data = msgspec.json.encode(order)
    return HEADER.pack(len(data)) + data
