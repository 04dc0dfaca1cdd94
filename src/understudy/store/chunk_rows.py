"""What goes between the chunks' query module and the two dialects of it. Knows no SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

INDEXING: Final = 0
READY: Final = 1
REMOVED: Final = 2
"""The states of a document: being made, to be found, to be erased."""


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`vector` is little-endian float32 of unit length; `start` and `end` are code points of the document's text.

    `heading` is found by its words as well, and is no part of the text.
    """

    position: int
    start: int
    end: int
    text: str
    vector: bytes
    heading: str = ""

    @property
    def words(self) -> str:
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class StoredChunk:
    position: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ChunkHit:
    seq: int
    document: int
    file: int
    chunk: StoredChunk


@dataclass(frozen=True, slots=True)
class ChunkQuery:
    """One search. `size` are the chunks of all `documents`, which are all of the store's where it is None.

    `comparable` are the documents whose vectors may be compared with `vector`; all where it is None.
    """

    store: int
    vector: bytes | None
    words: Sequence[str]
    limit: int
    size: int
    documents: Sequence[int] | None
    comparable: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class ChunkScores:
    """Chunk numbers with the score of each half: `near` those that the vector found, `matching` those that words found.

    `similarity` has the cosine of all of them that have one. A word score says only which of two is better.
    """

    near: Sequence[int]
    matching: Mapping[int, float]
    similarity: Mapping[int, float]


def select_rare_words(counts: Mapping[str, int], common: int, most: int) -> list[str]:
    """The words to rank by, the rarest first: each in fewer than `common` chunks, and in `most` together."""
    rare: list[str] = []
    total = 0
    for word in sorted(counts, key=lambda word: counts[word]):
        total += counts[word]
        if counts[word] < common and total <= most:
            rare.append(word)
    return rare
