"""What the cosines of an embedder mean: models differ in those of passages that answer and of foreign ones.

Knows no embedder. Texts of its own, as a client of the model would send, measure the cosines of an unknown model.
"""

import math
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import mul
from statistics import fmean
from typing import Final

FOREIGN_SCORE: Final = 0.3
ANSWER_SCORE: Final = 0.7
_ANSWER_LOGIT: Final = math.log(ANSWER_SCORE / FOREIGN_SCORE)


@dataclass(frozen=True, slots=True)
class SimilarityScale:
    """`foreign`: the cosine of the best passage about something else; `answer`: that of most passages that answer."""

    foreign: float
    answer: float

    def score(self, similarity: float) -> float:
        """From 0 to 1: 0.3 for a foreign passage, 0.7 for one that answers."""
        place = (2 * similarity - self.answer - self.foreign) / (self.answer - self.foreign)
        return 1 / (1 + math.exp(-_ANSWER_LOGIT * max(-100.0, min(100.0, place))))


@dataclass(frozen=True, slots=True)
class SimilarityScales:
    """`other_language` is for a query in another language than the passage; None if the model cannot read it."""

    same_language: SimilarityScale
    other_language: SimilarityScale | None = None


BUILTIN_SCALES: Final = SimilarityScales(SimilarityScale(0.2, 0.8))
E5_SCALES: Final = SimilarityScales(SimilarityScale(0.24, 0.5), SimilarityScale(0.145, 0.3))
"""By the project's labelled questions and two public collections; `measure_scales` returns nearly these."""

UNKNOWN_SCALES: Final = SimilarityScales(SimilarityScale(0.2, 0.5))

# Places between the mean cosine of foreign pairs and that of questions with their answers. The best of many foreign
# passages is above their mean, and an answer is seldom all that a passage has.
_FOREIGN_PLACE: Final = 0.26
_ANSWER_PLACE: Final = 0.85
_MIN_DIFFERENCE: Final = 0.02
_FOREIGN_LOSS: Final = 0.4
_ANSWER_LOSS: Final = 0.8
"""How much of the loss of cosine by another language both ends of the scale have."""

_READS_LANGUAGE: Final = 0.4
"""A model reads the other language if its answers stand out by at least this share of what they do in the same one."""

_QUESTIONS: Final = (
    "How do I reset a forgotten password?",
    "When do penguins lay their eggs?",
    "Why does bread dough need to rest?",
    "Who pays for repairs of a rented flat?",
    "What causes the tides of the sea?",
    "How is the interest of a loan calculated?",
)
_GERMAN_QUESTIONS: Final = (
    "Wie setze ich ein vergessenes Passwort zurück?",
    "Wann legen Pinguine ihre Eier?",
    "Warum muss Brotteig ruhen?",
    "Wer bezahlt Reparaturen in einer Mietwohnung?",
    "Wodurch entstehen die Gezeiten des Meeres?",
    "Wie werden die Zinsen eines Kredits berechnet?",
)
_PASSAGES: Final = (
    "Open the login page, choose Forgotten password and enter your e-mail address. The link is valid for one hour.",
    "Emperor penguins breed in the Antarctic winter. The female lays a single egg in May or June.",
    "Kneading makes gluten tight. In half an hour of rest it relaxes, so that the dough can be shaped and rises well.",
    "The landlord has to keep the flat in good condition and bears the costs. Tenants pay only for small damage.",
    "The moon attracts the water of the oceans, and the earth's rotation turns this into two high waters a day.",
    "The bank multiplies the remaining debt by the annual rate and divides by twelve, so both fall every month.",
)
"""The passage of each question, in English."""

Rows = Sequence[bytes]


async def measure_scales(embed: Callable[[Sequence[str], bool], Awaitable[Rows]]) -> SimilarityScales:
    """Those of a model by 18 short texts; `embed` takes texts and whether they are queries."""
    passages = [_read_row(row) for row in await embed(_PASSAGES, False)]
    queries = [_read_row(row) for row in await embed([*_QUESTIONS, *_GERMAN_QUESTIONS], True)]
    size = len(passages)
    return _build_scales(_measure_pairs(queries[:size], passages), _measure_pairs(queries[size:], passages))


def _build_scales(same: tuple[float, float], other: tuple[float, float]) -> SimilarityScales:
    """From the mean cosines of answers and of foreign pairs, in the same language and in another one."""
    answer, foreign = same
    difference = answer - foreign
    if difference < _MIN_DIFFERENCE:
        return UNKNOWN_SCALES
    scale = SimilarityScale(foreign + _FOREIGN_PLACE * difference, foreign + _ANSWER_PLACE * difference)
    if other[0] - other[1] < _READS_LANGUAGE * difference:
        return SimilarityScales(scale)
    loss = max(0.0, answer - other[0])
    ends = scale.foreign - _FOREIGN_LOSS * loss, scale.answer - _ANSWER_LOSS * loss
    return SimilarityScales(scale, SimilarityScale(*ends) if ends[1] - ends[0] > _MIN_DIFFERENCE / 2 else None)


def _measure_pairs(queries: Sequence[Sequence[float]], passages: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The mean cosine of each query with its passage, and with the others."""
    cosines = {
        (row, column): math.fsum(map(mul, query, passage))
        for row, query in enumerate(queries)
        for column, passage in enumerate(passages)
    }
    answers = [value for (row, column), value in cosines.items() if row == column]
    others = [value for (row, column), value in cosines.items() if row != column]
    return fmean(answers), fmean(others)


def _read_row(row: bytes) -> Sequence[float]:
    return struct.unpack(f"<{len(row) // 4}f", row)
