"""Which terms of a query select the chunks to rank, and which only rate those. Knows no SQL.

A common term has a long list of chunks and little weight: a chunk that has no rarer term of the query is hardly among
the best. So the rare terms select chunks, and the common ones are looked up for these alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store.chunk_rows import ChunkQuery, RatedTerm

MAX_SELECTED_CHUNKS: Final = 12_000
"""If all terms together occur in no more chunks, all of them select. So many are selected of a part of a store."""

_MIN_RATING_SHARE: Final = 0.1
"""Terms of less weight, relative to the rarest, change hardly anything."""

MAX_TERM_CHUNKS: Final = 50_000
"""Most chunks that one term selects, if it is the rarest."""

K1: Final = 1.2
B: Final = 0.75
"""The constants of BM25, as FTS5 has them."""


@dataclass(frozen=True, slots=True)
class TermPlan:
    """The rarest first."""

    selecting: Sequence[RatedTerm]
    rating: Sequence[RatedTerm]


def plan_terms(query: ChunkQuery, selected: int) -> TermPlan:
    """The selecting terms occur in at most `selected` chunks of a whole store, but are at least one if it has any."""
    present = sorted((term for term in query.terms if term.count), key=lambda term: term.count)
    if sum(term.count for term in present) <= MAX_SELECTED_CHUNKS:
        return TermPlan(present, ())
    most = min(MAX_SELECTED_CHUNKS, selected * query.total / max(1, query.size))
    number, total = 1, present[0].count
    while number < len(present) and (total := total + present[number].count) <= most:
        number += 1
    least = _MIN_RATING_SHARE * present[0].weight
    return TermPlan(present[:number], [term for term in present[number:] if term.weight >= least])


def normalize_length(length: float, average: float) -> float:
    """What the weight of a term that occurs once in a chunk is divided by."""
    return 1 + K1 * (1 - B + B * length / average)
