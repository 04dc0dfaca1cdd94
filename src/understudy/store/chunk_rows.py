"""Rows and queries shared by `chunks` and its two dialects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from understudy.store.search_depth import CellPlan
from understudy.text.terms import join_context

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

    `headings` are those above the chunk, a line each, and `header` names the columns of the table that it starts in.
    `terms` are those of all three and of the document's heading, with spaces between; `length` is without the last.
    """

    position: int
    start: int
    end: int
    text: str
    vector: bytes
    terms: str
    length: int
    page: int | None = None
    headings: str | None = None
    header: str | None = None


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

    @property
    def context(self) -> str:
        """The text with the headings and the table header above it, whose words are searched as well."""
        return join_context(self.headings, self.header, self.text)


@dataclass(frozen=True, slots=True)
class ChunkHit:
    seq: int
    document: int
    file: int
    language: str
    heading: str
    chunk: StoredChunk


def build_hit(row: Sequence[Any]) -> ChunkHit:
    """From the columns seq, document, file, language, heading, and those of a StoredChunk."""
    seq, document, file, language, heading, *chunk = row
    return ChunkHit(seq, document, file, language, heading, StoredChunk(*chunk))


@dataclass(frozen=True, slots=True)
class RatedTerm:
    """A term in its forms, which `count` chunks of the store have; `weight` is its inverse document frequency."""

    forms: Sequence[str]
    count: int
    weight: float


@dataclass(frozen=True, slots=True)
class ChunkQuery:
    """One search among `documents`, which have `size` chunks together, of `total` in the store; None is all documents.

    `comparable` are the documents whose vectors may be compared with `vector`; None is all. `average_length` is that of
    the store's chunks, in terms. Vectors are searched in `cells`; None is all chunks of the store.
    """

    store: int
    vector: bytes | None
    terms: Sequence[RatedTerm]
    average_length: float
    limit: int
    size: int
    total: int
    documents: Sequence[int] | None
    comparable: Sequence[int] | None
    cells: CellPlan | None


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """The numbers of searchable documents that have vectors of one kind, and how many chunks they have together."""

    embedder: str
    dimensions: int
    chunks: int
    documents: Sequence[int]


@dataclass(frozen=True, slots=True)
class ChunkScores:
    """Chunk numbers with their scores: `near` are hits of the vector search, `matching` those of the word search.

    `similarity` has the cosine of every hit with a comparable vector. Word scores only order the hits.
    """

    near: Sequence[int]
    matching: Mapping[int, float]
    similarity: Mapping[int, float]
