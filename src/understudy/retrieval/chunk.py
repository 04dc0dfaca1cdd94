"""Cuts text into overlapping chunks at its natural seams. Knows no document and no model."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `whole[start:end]`, in code points of the whole text; `position` counts from 0."""

    position: int
    start: int
    end: int
    text: str


def split(text: str, size_tokens: int, overlap_tokens: int) -> Iterator[Chunk]:
    raise NotImplementedError
