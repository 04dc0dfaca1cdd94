"""Candidates of several searches into one list of passages. Pure; knows no index."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from understudy.store.chunks import Candidate
from understudy.store.words import indexed, split, wanted

_K: Final = 20
"""How slowly a place in a list loses weight."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query and what each half found for it, in all stores."""

    query: str
    candidates: Sequence[Candidate]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage: `text` is the file's extracted text from `start` to `end` (code points). `score` is from 0 to 1."""

    store: int
    file: int
    score: float
    position: int
    start: int
    end: int
    text: str


def rank(questions: Sequence[Question], limit: int, threshold: float) -> list[Hit]:
    """The best first. Of a chunk that several queries find, the best score counts."""
    best: dict[int, Hit] = {}
    for question in questions:
        for candidate, score in _scored(question):
            known = best.get(candidate.seq)
            if known is None or known.score < score:
                best[candidate.seq] = _hit(candidate, score)
    ordered = sorted(best.values(), key=_order)
    return _merged([hit for hit in ordered if hit.score >= threshold][:limit])


def _scored(question: Question) -> Iterator[tuple[Candidate, float]]:
    near = _places([(c.seq, c.similarity or 0.0) for c in question.candidates if c.near])
    matching = _places([(c.seq, c.match) for c in question.candidates if c.match is not None])
    for candidate in question.candidates:
        fused = near.get(candidate.seq, 0.0) + matching.get(candidate.seq, 0.0)
        yield candidate, fused / 2


def _places(scored: list[tuple[int, float]]) -> Mapping[int, float]:
    """What each place in a list is worth: 1 for the first, less for each that is better."""
    ordered = sorted(scored, key=lambda item: (-item[1], item[0]))
    return {seq: _K / (_K + place) for place, (seq, _) in enumerate(ordered)}


def _hit(candidate: Candidate, score: float) -> Hit:
    chunk = candidate.chunk
    return Hit(candidate.store, candidate.file, score, chunk.position, chunk.start, chunk.end, chunk.text)


def _order(hit: Hit) -> tuple[float, int, int, int]:
    return -hit.score, hit.store, hit.file, hit.position


def _merged(hits: Sequence[Hit]) -> list[Hit]:
    """Neighbours of one file that share text become one passage, with the better one's score and place."""
    merged: list[Hit] = []
    for hit in hits:
        for index, other in enumerate(merged):
            if (joined := _joined(other, hit)) is not None:
                merged[index] = joined
                break
        else:
            merged.append(hit)
    return merged


def _joined(one: Hit, two: Hit) -> Hit | None:
    if (one.store, one.file) != (two.store, two.file) or one.start > two.end or two.start > one.end:
        return None
    first, last = (one, two) if one.start <= two.start else (two, one)
    text = first.text + last.text[max(0, first.end - last.start) :]
    return replace(
        one, position=min(one.position, two.position), start=first.start, end=max(one.end, two.end), text=text
    )
