"""What goes between the chunks' query module and the two dialects of it. Knows no SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`vector` is little-endian float32 of unit length; `start` and `end` are code points of the document's text."""

    position: int
    start: int
    end: int
    text: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class StoredChunk:
    position: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One search. `whole`: the store has no documents but these, so that nothing needs to be left out.

    `comparable` are the documents whose vectors may be compared with `vector`; `size` are the chunks of all documents.
    """

    store: int
    vector: bytes | None
    words: Sequence[str]
    limit: int
    documents: Sequence[int]
    comparable: Sequence[int]
    whole: bool
    size: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Chunk numbers with the score of each half: `near` those that the vector found, `matching` those that words found.

    `similarity` has the cosine of all of them that have one. A word score says only which of two is better.
    """

    near: Sequence[int]
    matching: Mapping[int, float]
    similarity: Mapping[int, float]
