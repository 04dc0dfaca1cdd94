"""Renders why a search returned a passage."""

from understudy.retrieval.explanation import Explanation
from understudy.wire.vector_stores import (
    MatchingTerm,
    MergedChunk,
    SearchExplanation,
    VectorsExplanation,
    WordsExplanation,
)


def render_explanation(explanation: Explanation, score: float) -> SearchExplanation:
    """`score` is that of the result."""
    return SearchExplanation(
        query=explanation.query,
        chunk_index=explanation.position,
        start=explanation.start,
        end=explanation.end,
        words=_render_words(explanation),
        vectors=_render_vectors(explanation),
        fused=score,
        merged_chunks=[MergedChunk(chunk_index=position, score=each) for position, each in explanation.merged],
    )


def _render_words(explanation: Explanation) -> WordsExplanation | None:
    half = explanation.words
    if half is None:
        return None
    terms = [
        MatchingTerm(term=one.term, words=list(one.words), count=one.count, filename_count=one.name_count)
        for one in explanation.terms
    ]
    return WordsExplanation(rank=half.rank, score=half.score, weight=half.weight, terms=terms)


def _render_vectors(explanation: Explanation) -> VectorsExplanation | None:
    half = explanation.vectors
    if half is None or explanation.similarity is None:
        return None
    return VectorsExplanation(rank=half.rank, score=half.score, weight=half.weight, similarity=explanation.similarity)
