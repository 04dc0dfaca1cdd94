"""Quotes the passages that a file search returned: the sentences that share most words with the question, cited.

Reads passages below marks like `【0:1†name】`, which count upwards from the first. Never invents a mark.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from understudy.llm import tokens
from understudy.llm.rehearsal.outputs import quote
from understudy.llm.rehearsal.vocabulary import extract_stems, split_identifier

_MARK = re.compile(r"(?:\A|\n\n)(\u3010(\d{1,4}):(\d{1,4})\u2020([^\u3010\u3011\n]{0,300})\u3011)([^\n]*)\n")
_ANY_MARK = re.compile(r"[\u3010\[](?:\d{1,4}:)?\d{1,4}(?:\u2020[^\u3010\u3011\n]{0,300})?\u3011")
_SENTENCE_END = re.compile(r"(?<!Mr)(?<!Dr)(?<=[.!?])\s+(?=[\"'(\[A-Z0-9\u00c0-\u04ff])|(?<=[\u3002\uff01\uff1f])")
_LINE_START = re.compile(r"^[ \t>|]*(?:#{1,6}[ \t]+|[-*+\u2022][ \t]+|\d{1,3}[.)][ \t]+|A:[ \t]+)?")
_EMPHASIS = re.compile(r"\*\*|__|`{1,3}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff]+")
_ENUMERATES = re.compile(r"\b(?:each|every|all|list|which|what are|who are|summari[sz]e)\b", re.IGNORECASE)
_MAX_CHARACTERS: Final = 400_000
_MAX_SENTENCES: Final = 3_000
_MAX_QUOTED: Final = 6
_MAX_EXCERPT: Final = 320
_CONTEXT_WEIGHT: Final = 0.6
_SUFFICIENT_COVER: Final = 0.65
"""The share of a question's terms from which one sentence is an answer."""

_DOUBTFUL_COVER: Final = 0.25
_PLACE_WEIGHT: Final = 0.4
_MIN_SHARE: Final = 0.15
"""Otherwise the weight of a passage's place in the search, and the least score of a quoted one, of the best."""


class Passage(NamedTuple):
    """`place` is what stands after its mark: the page and the headings of its start."""

    mark: str
    filename: str
    text: str
    place: str = ""


class _Sentence(NamedTuple):
    """`context` are the terms of the file's name and of the sentence before."""

    text: str
    mark: str
    terms: frozenset[str]
    context: frozenset[str]


def parse_passages(text: str) -> list[Passage]:
    """The passages in their order; empty if the text is not a search result."""
    text = text[:_MAX_CHARACTERS]
    marks: list[re.Match[str]] = []
    for match in _MARK.finditer(text):
        if not marks or (match[2] == marks[-1][2] and int(match[3]) == int(marks[-1][3]) + 1):
            marks.append(match)
    ends = [*(match.start() for match in marks[1:]), len(text)]
    return [Passage(m[1], m[4], text[m.end() : end], m[5]) for m, end in zip(marks, ends, strict=False)]


def quote_passages(question: str, passages: Sequence[Passage]) -> str:
    """The sentences that fit the question, each with its mark, or a text that says that none was found."""
    if not passages:
        return f"I searched the files and found nothing about {quote(question)}."
    sentences = [sentence for passage in passages for sentence in _split_passage(passage)][:_MAX_SENTENCES]
    terms = _extract_terms(question)
    chosen = _choose_sentences(question, terms, sentences)
    if not chosen:
        return f"I searched the files, and no passage that I found answers {quote(question)}."
    return " ".join(_append_mark(tokens.shorten(sentence.text, _MAX_EXCERPT), sentence.mark) for sentence in chosen)


def _choose_sentences(question: str, terms: frozenset[str], sentences: Sequence[_Sentence]) -> list[_Sentence]:
    """The sentence that covers most of the question; one of each of the best passages if none covers enough of it."""
    counts = Counter(term for sentence in sentences for term in sentence.terms & terms)
    rarity = {term: math.log(2 + len(sentences) / (1 + counts[term])) for term in terms}
    whole = math.fsum(rarity.values()) or 1.0

    def cover(sentence: _Sentence) -> float:
        """The share of the question's terms that the sentence and its context have, by their rarity."""
        if not sentence.terms - terms or sentence.text[-1] in "?\uff1f":
            return 0.0  # It only repeats the question.
        context = sum(rarity[term] for term in (sentence.context & terms) - sentence.terms)
        return (sum(rarity[term] for term in sentence.terms & terms) + _CONTEXT_WEIGHT * context) / whole

    ranked = sorted(((cover(sentence), sentence) for sentence in sentences), key=lambda pair: -pair[0])
    best = ranked[0][0] if ranked else 0.0
    if not best:
        return []
    enumerates = _ENUMERATES.search(question) is not None
    if best < _SUFFICIENT_COVER and not enumerates:
        return _choose_of_passages(ranked, [*dict.fromkeys(sentence.mark for sentence in sentences)])
    fitting = [sentence for value, sentence in ranked if value >= 0.85 * best]
    return fitting[: _MAX_QUOTED if enumerates else 1]


def _choose_of_passages(ranked: Sequence[tuple[float, _Sentence]], marks: Sequence[str]) -> list[_Sentence]:
    """The best sentence of each passage, of passages that cover most or stand first in `marks`.

    One that shares no word with the question counts if hardly any does: then the search knows better.
    """
    least = 0.0 if ranked[0][0] < _DOUBTFUL_COVER else math.ulp(0.0)
    best: dict[str, tuple[float, _Sentence]] = {}
    for cover, sentence in ranked:
        if cover >= least:
            best.setdefault(sentence.mark, (cover, sentence))
    scored = sorted(
        ((best[mark][0] + _PLACE_WEIGHT / place, best[mark][1]) for place, mark in enumerate(marks, 1) if mark in best),
        key=lambda pair: -pair[0],
    )
    return [sentence for score, sentence in scored if score >= _MIN_SHARE * scored[0][0]][:_MAX_QUOTED]


def _split_passage(passage: Passage) -> Iterator[_Sentence]:
    name = before = _extract_terms(f"{' '.join(split_identifier(passage.filename))} {passage.place}")
    for line in passage.text.splitlines():
        plain = _EMPHASIS.sub("", _LINE_START.sub("", _ANY_MARK.sub("", line))).strip(" |")
        for text in _SENTENCE_END.split(plain):
            if text and any(map(str.isalnum, text)):
                terms = _extract_terms(text)
                yield _Sentence(" ".join(text.split()), passage.mark, terms, before | name)
                before = terms


def _extract_terms(text: str) -> frozenset[str]:
    """Stems; pairs of characters where a script has no spaces."""
    pairs = {run[i : i + 2] for run in _UNSPACED.findall(text) for i in range(max(1, len(run) - 1))}
    return frozenset({*extract_stems(_UNSPACED.sub(" ", text)), *pairs})


def _append_mark(text: str, mark: str) -> str:
    """The mark stands before a full stop, and after any other end."""
    return f"{text}{mark}" if text[-1] in "!?\u2026\u3002\uff01\uff1f" else f"{text.rstrip('.,;: ')}{mark}."
