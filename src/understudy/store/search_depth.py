"""How much of a large store a search of vectors reads: cells of codes, and whole vectors. Knows no SQL.

Cells are read by the distance of their centers, until they have most of the evidence, and whole vectors by the distance
of their codes. A filter may leave out just the nearest chunks: then many of the best hits are among the last that were
read, and more is read.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store.database import Transaction

NearChunk = tuple[int, float, int]
"""Number, cosine and cell."""

RankedCell = tuple[int, float, float]
"""Place, share of the store's chunks, and distance of the center."""

SEARCHED_CHUNKS: Final = 100_000
"""A search reads cells with at least about so many chunks of its scope."""

_SEARCHED_SHARE: Final = 0.5
"""A search reads cells with at most this share of the store's chunks, if these are more."""

_SEARCHED_EVIDENCE: Final = 0.93
_SHARPNESS: Final = 20.0
"""Between these bounds, a search reads the nearest cells until they have this share of the evidence. That of a cell is
its size * exp(sharpness * similarity of its center). Vectors of meanings have few near cells, built-in ones have many:
of the nearest 20 passages, a tenth of the cells has 97 % of synthetic vectors with topics, and 86 % of source code with
built-in ones, of which two fifths of the cells have 97 %.
"""

_MIN_CANDIDATES: Final = 1000
_MAX_DEEPENING: Final = 4
_DEEPENED_SHARE: Final = 0.08
"""Whole vectors that are compared first, and at most so many times as many in a search with a filter: up to a part of
what it leaves.
"""

_MIN_MEAN_DISTANCE: Final = 0.1
_PART: Final = 1 / 3
"""The size of each later part of the cells, as a share of the first part."""

_BEST_HITS: Final = 20
_MAX_LATE_HITS: Final = 1
"""More cells are read while the last ones have more of the best hits than this."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """`first` are cells to read at once, of which the `last` ones are the farthest; then the parts of `further`.

    `share` is the part of the store's chunks that is in the first.
    """

    first: Sequence[int]
    last: Sequence[int] = ()
    further: Sequence[Sequence[int]] = ()
    share: float = 1.0


def plan_cells(ranked: Sequence[RankedCell], size: int, total: int, identify: Callable[[int], int]) -> CellPlan:
    """For a search among `size` of `total` chunks; `ranked` has the nearest cell first, `identify` returns its number.

    Where a filter leaves few chunks, the nearest of them are in more cells.
    """
    number = _count_nearest(ranked, SEARCHED_CHUNKS / math.sqrt(size * total))
    first, others = ranked[:number], ranked[number:]
    share = sum(cell[1] for cell in first)
    return CellPlan(
        [identify(cell[0]) for cell in first],
        [identify(place) for place in next(_divide(reversed(first), _PART * share))],
        [[identify(place) for place in part] for part in _divide(others, _PART * share)],
        share,
    )


def search_parts(
    plan: CellPlan, limit: int, search: Callable[[Sequence[int]], Transaction[list[NearChunk]]]
) -> Transaction[list[NearChunk]]:
    """The best `limit` hits of `search`, which returns those in some cells; the best first."""
    hits = yield from search(plan.first)
    last = plan.last
    for part in plan.further:
        best = hits[:_BEST_HITS]
        if len(best) >= min(limit, _BEST_HITS) and sum(cell in last for _, _, cell in best) <= _MAX_LATE_HITS:
            break
        more = yield from search(part)
        hits = _merge_hits(hits, more, limit)
        last = part
    return hits


def count_candidates(limit: int, filtered: int | None = None) -> int:
    """How many of the nearest codes `rate_candidates` takes; a filter leaves `filtered` chunks, None: without one."""
    least = max(_MIN_CANDIDATES, 8 * limit)
    return least if filtered is None else min(_MAX_DEEPENING * least, max(least, round(_DEEPENED_SHARE * filtered)))


def rate_candidates(
    candidates: Sequence[tuple[int, int]],
    limit: int,
    rate: Callable[[Sequence[int]], Transaction[Mapping[int, float]]],
) -> Transaction[list[NearChunk]]:
    """The best `limit` hits among chunks with their cells, the nearest code first. `rate` returns cosines of chunks.

    Codes tell chunks that are all far from the query less well apart, so there the best hits may have later places.
    """
    places = {seq: place for place, (seq, _) in enumerate(candidates)}
    hits: list[NearChunk] = []
    start, end = 0, count_candidates(limit)
    while start < len(candidates):
        part = candidates[start:end]
        cosines = yield from rate([seq for seq, _ in part])
        hits = _merge_hits(hits, [(seq, cosines[seq], cell) for seq, cell in part if seq in cosines], limit)
        if all(2 * places[seq] < end for seq, *_ in hits[:_BEST_HITS]):
            break
        start, end = end, 2 * end
    return hits


def _merge_hits(hits: Sequence[NearChunk], more: Sequence[NearChunk], limit: int) -> list[NearChunk]:
    return sorted([*hits, *more], key=lambda hit: (-hit[1], hit[0]))[:limit]


def _divide(cells: Iterable[RankedCell], most: float) -> Iterator[list[int]]:
    """Places in order, in parts of about the share `most`."""
    part, size = list[int](), 0.0
    for place, share, _ in cells:
        part.append(place)
        size += share
        if size >= most:
            yield part
            part, size = [], 0.0
    if part:
        yield part


def _count_nearest(ranked: Sequence[RankedCell], least_share: float) -> int:
    """How many cells to search first."""
    nearest = ranked[0][2]
    # Where all vectors have a part in common, distances are small, and so is their mean.
    scale = _SHARPNESS / max(_MIN_MEAN_DISTANCE, sum(share * distance for _, share, distance in ranked))
    evidence = [share * math.exp(scale * (nearest - distance)) for _, share, distance in ranked]
    missing, most_share = (1 - _SEARCHED_EVIDENCE) * sum(evidence), max(least_share, _SEARCHED_SHARE)
    searched, left = 0.0, sum(evidence)
    for number, ((_, share, _), part) in enumerate(zip(ranked, evidence, strict=True)):
        if searched >= most_share or (searched >= least_share and left <= missing):
            return number
        searched, left = searched + share, left - part
    return len(ranked)
