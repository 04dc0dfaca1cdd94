"""Encodes the graph of a neural network as an ONNX model. Knows no network and no runtime.

Source: `onnx.proto` of ONNX 1.16. The numbers below are those of its fields.
"""

import struct
from collections.abc import Sequence
from typing import Final

_IR_VERSION: Final = 8
_FLOAT, _UINT8 = 1, 2
_VARINT, _BYTES, _FIXED32 = 0, 2, 5
_FLOAT_ATTRIBUTE, _INT_ATTRIBUTE = 1, 2


class Graph:
    """A graph with one input and one output: float tensors of the shape (1, any number, `width`)."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._parts: list[bytes] = [_text(2, "graph")]

    def add_node(self, operator: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: float) -> str:
        """Returns `output`, the name of the result."""
        body = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, operator)
        body += b"".join(_encode_attribute(name, value) for name, value in attributes.items())
        self._parts.append(_bytes(1, body + _text(7, domain)))
        return output

    def add_floats(self, name: str, shape: Sequence[int], data: bytes) -> str:
        """A constant of little-endian float32. Returns `name`."""
        return self._add_tensor(name, shape, data, _FLOAT)

    def add_bytes(self, name: str, shape: Sequence[int], data: bytes) -> str:
        """A constant of unsigned bytes. Returns `name`."""
        return self._add_tensor(name, shape, data, _UINT8)

    def encode(self, inputs: str, outputs: str, domains: Sequence[tuple[str, int]]) -> bytes:
        """The model, with the versions of the operators' domains."""
        graph = b"".join(
            [*self._parts, _bytes(11, self._encode_value(inputs)), _bytes(12, self._encode_value(outputs))]
        )
        versions = b"".join(_bytes(8, _text(1, domain) + _int(2, version)) for domain, version in domains)
        return _int(1, _IR_VERSION) + _bytes(7, graph) + versions

    def _add_tensor(self, name: str, shape: Sequence[int], data: bytes, kind: int) -> str:
        body = b"".join(_int(1, size) for size in shape) + _int(2, kind) + _text(8, name) + _bytes(9, data)
        self._parts.append(_bytes(5, body))
        return name

    def _encode_value(self, name: str) -> bytes:
        sizes = (_int(1, 1), _text(2, "tokens"), _int(1, self._width))
        shape = b"".join(_bytes(1, size) for size in sizes)
        return _text(1, name) + _bytes(2, _bytes(1, _int(1, _FLOAT) + _bytes(2, shape)))


def _encode_attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _bytes(5, _text(1, name) + _int(3, value) + _int(20, _INT_ATTRIBUTE))
    number = _varint(2 << 3 | _FIXED32) + struct.pack("<f", value)
    return _bytes(5, _text(1, name) + number + _int(20, _FLOAT_ATTRIBUTE))


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode()) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; of a negative number, those of its 64-bit complement."""
    left = value & (1 << 64) - 1
    encoded = bytearray()
    while left > 0x7F:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left)
    return bytes(encoded)
