"""Measures of a ranking against grades: nDCG@10, recall@20 and the reciprocal rank, each from 0 to 1."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

NDCG_DEPTH, RECALL_DEPTH = 10, 20


@dataclass(frozen=True, slots=True)
class Relevance:
    ndcg: float
    recall: float
    reciprocal_rank: float

    @classmethod
    def mean(cls, some: Iterable["Relevance"]) -> "Relevance":
        listed = list(some)
        return cls(
            fmean(one.ndcg for one in listed),
            fmean(one.recall for one in listed),
            fmean(one.reciprocal_rank for one in listed),
        )


def judge_ranking(ranked: Sequence[int], relevant: Sequence[int]) -> Relevance:
    """`ranked` are the grades of the ranking in its order, `relevant` the positive grades of the question."""
    best = _discounted_gain(sorted(relevant, reverse=True)[:NDCG_DEPTH])
    hits = sum(grade > 0 for grade in ranked[:RECALL_DEPTH])
    first = next((place for place, grade in enumerate(ranked, 1) if grade > 0), None)
    return Relevance(
        _discounted_gain(ranked[:NDCG_DEPTH]) / best if best else 0.0,
        hits / len(relevant) if relevant else 0.0,
        1 / first if first is not None else 0.0,
    )


def _discounted_gain(grades: Sequence[int]) -> float:
    return math.fsum(grade / math.log2(place + 1) for place, grade in enumerate(grades, 1))
