"""Merges candidates of several searches into one ranked list of passages. Pure; knows no index."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from understudy.store.chunks import ScoredChunk
from understudy.text.stemming import cut_suffix
from understudy.text.stop_words import STOP_WORDS
from understudy.text.tokenize import split_words

_RRF_CONSTANT: Final = 10
"""The k of reciprocal rank fusion: the eleventh place is worth half of the first."""


@dataclass(frozen=True, slots=True)
class QueryCandidates:
    """The candidates of one query in all stores; `words` is empty for a search by vectors alone.

    `weight` is the weight of the keyword ranking, of 1.
    """

    words: str
    candidates: Sequence[ScoredChunk]
    weight: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage: `text` is the file's extracted text from `start` to `end` (code points). `score` is from 0 to 1.

    It is the chunks from `position` to `last_position`; white space between two that do not overlap is a blank line.

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
    last_position: int = -1


def rank_candidates(questions: Sequence[QueryCandidates], limit: int, threshold: float) -> list[Hit]:
    """The best first. A chunk that several queries match has its best score."""
    best: dict[int, Hit] = {}
    for question in questions:
        for candidate, score in fuse_rankings(question):
            best_hit = best.get(candidate.seq)
            if best_hit is None or best_hit.score < score:
                best[candidate.seq] = _build_hit(candidate, score)
    ordered = sorted(best.values(), key=_sort_key)
    return _merge_neighbours([hit for hit in ordered if hit.score >= threshold][:limit])


def fuse_rankings(question: QueryCandidates) -> list[tuple[ScoredChunk, float]]:
    """Candidates with their scores, the best first.

    Reciprocal rank fusion of the two rankings, times the evidence, since a rank alone would make an irrelevant passage
    the best. The evidence is the vector similarity or the share of matching query words, whichever is larger; its
    square root, as even a good passage contains other content.
    """
    near = _reciprocal_ranks([(one.seq, one.similarity or 0.0) for one in question.candidates if one.near])
    matching = _reciprocal_ranks([(one.seq, one.match) for one in question.candidates if one.match is not None])
    shares = _keyword_shares(question)
    words = question.weight if shares else 0.0
    scored = []
    for one in question.candidates:
        place = (1.0 - words) * near.get(one.seq, 0.0) + words * matching.get(one.seq, 0.0)
        if place == 0.0:
            continue  # only a half that does not count has it
        evidence = max(one.similarity or 0.0, shares.get(one.seq, 0.0), 0.0)
        scored.append((one, min(1.0, place * math.sqrt(evidence))))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].seq))


def _keyword_shares(question: QueryCandidates) -> dict[int, float]:
    """The share of the query's words in each candidate, weighted by their rarity among the candidates."""
    roots = {cut_suffix(word) for word in split_words(question.words.lower()) if word not in STOP_WORDS}
    # A stretch of letters that a text has somewhere is near enough, and costs a tenth of taking the text apart.
    texts = {one.seq: one.chunk.text.lower() for one in question.candidates}
    has = {seq: [root for root in roots if root in text] for seq, text in texts.items()}
    spread = Counter(root for matches in has.values() for root in matches)
    weights = {root: math.log(1 + len(has) / (1 + spread[root])) for root in roots}
    whole = math.fsum(weights.values())
    return {seq: math.fsum(weights[root] for root in matches) / whole for seq, matches in has.items()} if whole else {}


def _reciprocal_ranks(scored: list[tuple[int, float]]) -> Mapping[int, float]:
    """The weight of each rank: 1 for the first."""
    ordered = sorted(scored, key=lambda item: (-item[1], item[0]))
    return {seq: _RRF_CONSTANT / (_RRF_CONSTANT + place) for place, (seq, _) in enumerate(ordered)}


def _build_hit(candidate: ScoredChunk, score: float) -> Hit:
    chunk = candidate.chunk
    place = chunk.page, tuple((chunk.headings or "").splitlines()), chunk.header or "", chunk.position
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
    elif last.position == first.last_position + 1:
        text = f"{first.text}\n\n{last.text}"
    else:
        return None
    end, last_position = max(one.end, two.end), max(one.last_position, two.last_position)
    return replace(first, score=one.score, end=end, text=text, last_position=last_position)
