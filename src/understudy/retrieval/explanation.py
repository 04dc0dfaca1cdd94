"""Why a search returned a passage: the ranks and scores of its words and of its vectors, and the terms that match."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from understudy.retrieval.evidence import TermMatch
from understudy.retrieval.ranking import Candidate, Hit, QueryCandidates, score_candidates


@dataclass(frozen=True, slots=True)
class HalfRank:
    """The words or the vectors of a passage: `rank` counts from 1 among the candidates; None without evidence."""

    rank: int | None
    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explains a hit by its chunk with the best score, for the query that found it.

    `words` and `vectors` are None where that half does not count. `similarity` is the cosine of the vectors. `start`
    and `end` are code points of the file's extracted text. `merged` are the chunks of the hit with their scores, in the
    order of the text.
    """

    query: str
    position: int
    start: int
    end: int
    words: HalfRank | None
    terms: Sequence[TermMatch]
    vectors: HalfRank | None
    similarity: float | None
    merged: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate, the query that found it, and its ranks."""

    query: str
    candidate: Candidate
    words_rank: int | None
    vectors_rank: int | None


def explain_hits(
    queries: Sequence[str], questions: Sequence[QueryCandidates], hits: Sequence[Hit]
) -> list[Explanation]:
    """An explanation of each hit of `rank_candidates`; `queries` are the texts of the questions."""
    best: dict[tuple[int, int, int], _Found] = {}
    for query, question in zip(queries, questions, strict=True):
        for found in _rank_halves(query, score_candidates(question)):
            chunk = found.candidate.chunk
            key = chunk.store, chunk.file, chunk.chunk.position
            if key not in best or best[key].candidate.evidence.score < found.candidate.evidence.score:
                best[key] = found
    return [_explain_hit([best[hit.store, hit.file, position] for position in hit.positions]) for hit in hits]


def _rank_halves(query: str, candidates: Sequence[Candidate]) -> Iterable[_Found]:
    words = _rank_by(candidates, lambda one: one.evidence.words or None)
    vectors = _rank_by(candidates, lambda one: one.chunk.similarity)
    return (_Found(query, one, words.get(id(one)), vectors.get(id(one))) for one in candidates)


def _rank_by(candidates: Sequence[Candidate], score: Callable[[Candidate], float | None]) -> dict[int, int]:
    """The ranks of the candidates with a score; equal scores have one rank."""
    scores = {id(one): value for one in candidates if (value := score(one)) is not None}
    ranks: dict[float, int] = {}
    for rank, value in enumerate(sorted(scores.values(), reverse=True), 1):
        ranks.setdefault(value, rank)
    return {key: ranks[value] for key, value in scores.items()}


def _explain_hit(parts: Sequence[_Found]) -> Explanation:
    found = max(parts, key=lambda one: one.candidate.evidence.score)
    scored, evidence = found.candidate.chunk, found.candidate.evidence
    chunk = scored.chunk
    return Explanation(
        found.query,
        chunk.position,
        chunk.start,
        chunk.end,
        None if evidence.words is None else HalfRank(found.words_rank, evidence.words, evidence.weight),
        [] if evidence.words is None else found.candidate.matcher.find_matches(scored),
        None if evidence.vectors is None else HalfRank(found.vectors_rank, evidence.vectors, 1 - evidence.weight),
        scored.similarity,
        [(one.candidate.chunk.chunk.position, one.candidate.evidence.score) for one in parts],
    )
