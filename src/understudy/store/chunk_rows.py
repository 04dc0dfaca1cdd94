"""Rows and queries shared by `chunks` and its two dialects. Knows no SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

INDEXING: Final = 0
READY: Final = 1
REMOVED: Final = 2
COPYING: Final = 3
COPIED: Final = 4
"""The states of a document: being indexed, searchable, to be erased; a copy with vectors of another embedder that is
being made, and one that is complete and waits for those of its store's other documents.
"""


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`vector` is little-endian float32 of unit length; `start` and `end` are code points of the document's text.

    The words of `heading`, `headings` and `header` are indexed as well; they are not part of the text. `headings` are
    those above the chunk, a line each, and `header` names the columns of the table that it starts in.
    """

    position: int
    start: int
    end: int
    text: str
    vector: bytes
    heading: str = ""
    page: int | None = None
    headings: str | None = None
    header: str | None = None

    @property
    def words(self) -> str:
        return "\n".join(part for part in (self.heading, self.headings, self.header, self.text) if part)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """What is None is unknown: the chunk was indexed before it was stored, or its document has no pages."""

    position: int
    start: int
    end: int
    text: str
    page: int | None = None
    headings: str | None = None
    header: str | None = None

    @property
    def table_text(self) -> str:
        """The text, below the header of its table if it starts in one."""
        return f"{self.header}\n{self.text}" if self.header else self.text


@dataclass(frozen=True, slots=True)
class ChunkHit:
    seq: int
    document: int
    file: int
    chunk: StoredChunk


@dataclass(frozen=True, slots=True)
class ChunkQuery:
    """One search among `documents`, which have `size` chunks together; None is all documents of the store.

    `comparable` are the documents whose vectors may be compared with `vector`; None is all.
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
    """Chunk numbers with their scores: `near` are hits of the vector search, `matching` those of the word search.

    `similarity` has the cosine of every hit with a comparable vector. Word scores only order the hits.
    """

    near: Sequence[int]
    matching: Mapping[int, float]
    similarity: Mapping[int, float]


def select_rare_words(counts: Mapping[str, int], common: int, most: int) -> list[str]:
    """The words to rank by, rarest first: each in fewer than `common` chunks, all together in at most `most`."""
    rare: list[str] = []
    total = 0
    for word in sorted(counts, key=lambda word: counts[word]):
        total += counts[word]
        if counts[word] < common and total <= most:
            rare.append(word)
    return rare
