"""Texts into vectors, by the embedder that the settings choose. Knows no index and no HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from understudy.errors import UnderstudyError


class EmbeddingFailed(UnderstudyError):
    """No vectors; `passing` where a later attempt may succeed."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class EmbedderMissing(UnderstudyError):
    """A store was indexed with an embedder that the settings no longer give."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """`rows` are little-endian float32 of unit length, one for each text in order."""

    dimensions: int
    rows: Sequence[bytes]


class Embedder(Protocol):
    """Raises EmbeddingFailed."""

    name: str
    """What a store remembers: `builtin`, `PROVIDER/MODEL`, `fastembed:NAME`, or a directory."""

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors: ...

    async def close(self) -> None: ...


class Embedders:
    def __init__(self, default: Embedder, others: Mapping[str, Embedder]) -> None:
        self.default = default
        self._all = {**others, default.name: default}

    def get(self, name: str) -> Embedder:
        """Raises EmbedderMissing."""
        raise NotImplementedError
