"""Merges candidates of several searches into one ranked list of passages. Pure; knows no index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from understudy.retrieval.evidence import QueryMatcher
from understudy.retrieval.similarity import SimilarityScale
from understudy.store.chunk_search import ScoredChunk, StoreHits

_WORDS_MIDDLE: Final = 0.13
"""Evidence of the words that has a score of about a half.

Passages that answer have about 0.24 and foreign ones 0.05, since no passage has all words of a query often.
"""


@dataclass(frozen=True, slots=True)
class Weighing:
    """How a query is ranked in one store: the weight of the words, of 1, and what the cosines of its vectors mean."""

    words: float
    scale: SimilarityScale


@dataclass(frozen=True, slots=True)
class QueryCandidates:
    """The candidates of one query in all stores."""

    hits: Sequence[StoreHits]
    weighings: Sequence[Weighing]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The scores of the words and of the vectors, each from 0 to 1; None if that half does not count.

    `weight` is that of the words.
    """

    words: float | None
    vectors: float | None
    weight: float

    @property
    def score(self) -> float:
        return self.weight * (self.words or 0.0) + (1 - self.weight) * (self.vectors or 0.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a query found, with its evidence and the query's terms in its store."""

    chunk: ScoredChunk
    evidence: Evidence
    matcher: QueryMatcher


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage: `text` is the file's extracted text from `start` to `end` (code points). `score` is from 0 to 1.

    `positions` are those of its chunks, ascending; white space between two that do not overlap is a blank line.

    `page`, `headings` and `header` are those of its start: the header names the columns of a table that begins earlier.
    """

    store: int
    file: int
    score: float
    position: int
    start: int
    end: int
    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    header: str = ""
    positions: tuple[int, ...] = ()


def rank_candidates(questions: Sequence[QueryCandidates], limit: int, threshold: float) -> list[Hit]:
    """The best first. A chunk that several queries match has its best score."""
    return select_hits(order_hits(questions), limit, threshold)


def select_hits(ordered: Sequence[Hit], limit: int, threshold: float) -> list[Hit]:
    """The best `limit` hits, neighbours merged; none scored below `threshold`."""
    return _merge_neighbours([hit for hit in ordered if hit.score >= threshold][:limit])


def order_hits(questions: Sequence[QueryCandidates]) -> list[Hit]:
    """A hit for each chunk, the best first."""
    best: dict[int, Hit] = {}
    for question in questions:
        for candidate, score in fuse_rankings(question):
            best_hit = best.get(candidate.seq)
            if best_hit is None or best_hit.score < score:
                best[candidate.seq] = _build_hit(candidate, score)
    return sorted(best.values(), key=_sort_key)


def fuse_rankings(question: QueryCandidates) -> list[tuple[ScoredChunk, float]]:
    """Candidates with their scores, the best first.

    The score does not depend on the other candidates: it is the mean of the scores of the words and of the vectors by
    their weights. Each is monotone in its evidence; most passages that answer have 0.7, and the best foreign ones 0.3.
    """
    scored = [(one.chunk, one.evidence.score) for one in score_candidates(question)]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].seq))


def score_candidates(question: QueryCandidates) -> list[Candidate]:
    """The candidates that a half with a weight has found, unordered."""
    scored = []
    for hits, weighing in zip(question.hits, question.weighings, strict=True):
        matcher = QueryMatcher(hits.statistics)
        if not hits.statistics.terms:  # a query without words
            weighing = Weighing(0.0, weighing.scale)  # noqa: PLW2901
        weight = weighing.words
        scored += [
            Candidate(one, _score_evidence(one, matcher, weighing), matcher)
            for one in hits.chunks
            if (one.near and weight < 1) or (one.match is not None and weight > 0)
        ]
    return scored


def _score_evidence(one: ScoredChunk, matcher: QueryMatcher, weighing: Weighing) -> Evidence:
    """Monotone in the evidence."""
    weight = 1.0 if one.similarity is None else weighing.words
    words = _score_words(matcher.rate(one)) if weight > 0 else None
    vectors = weighing.scale.score(one.similarity or 0.0) if weight < 1 else None
    return Evidence(words, vectors, weight)


def _score_words(evidence: float) -> float:
    return min(1.0, evidence * (1 + _WORDS_MIDDLE) / (evidence + _WORDS_MIDDLE))


def _build_hit(candidate: ScoredChunk, score: float) -> Hit:
    chunk = candidate.chunk
    place = chunk.page, tuple((chunk.headings or "").splitlines()), chunk.header or "", (chunk.position,)
    return Hit(candidate.store, candidate.file, score, chunk.position, chunk.start, chunk.end, chunk.text, *place)


def _sort_key(hit: Hit) -> tuple[float, int, int, int]:
    return -hit.score, hit.store, hit.file, hit.position


def _merge_neighbours(hits: Sequence[Hit]) -> list[Hit]:
    """Merges overlapping and adjacent passages of one file into one, with the best score and rank among them."""
    merged: list[Hit] = []
    for hit in hits:
        whole = hit
        apart: list[Hit] = []
        place = len(merged)
        for index, other in enumerate(merged):
            joined = _join_hits(other, whole)
            if joined is None:
                apart.append(other)
            else:
                whole, place = joined, min(place, index)
        merged = [*apart[:place], whole, *apart[place:]]
    return merged


def _join_hits(one: Hit, two: Hit) -> Hit | None:
    if (one.store, one.file) != (two.store, two.file):
        return None
    first, last = (one, two) if one.start <= two.start else (two, one)
    if last.start <= first.end:
        text = first.text + last.text[first.end - last.start :]
    elif last.position == first.positions[-1] + 1:
        text = f"{first.text}\n\n{last.text}"
    else:
        return None
    positions = tuple(sorted({*one.positions, *two.positions}))
    best = max(one.score, two.score)
    return replace(first, score=best, end=max(one.end, two.end), text=text, positions=positions)
