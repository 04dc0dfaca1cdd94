"""Answers a question from the passages that a search found: with the sentences that fit best, each with its mark.

A sentence fits by the words that it shares with the question, rare ones counting more; one that only repeats the
question fits badly. Says so where nothing fits. Never makes up a mark.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from understudy.llm import tokens
from understudy.llm.rehearsal import passages, questions, words
from understudy.llm.rehearsal.passages import Passage, Unit
from understudy.llm.rehearsal.questions import Question
from understudy.llm.rehearsal.quoting import quote

_MAX_PASSAGES = 6
_MAX_UNITS = 300
_MAX_SCORED_UNITS = 40
_MAX_EXCERPT = 320
_MAX_LISTED = 5
_CONTEXT, _BEFORE, _NAME, _EARLIER = 0.5, 0.4, 0.4, 0.4
_REPEATING, _ASKING, _HEADING = 0.15, 0.2, 0.3
_FITTING_KIND = 1.3
_SECOND = 0.6
_ENDINGS = words.listed("s es ed d ing ings er ers 's ly y ies ied ion ions al ment ments e r rs")
_SHORT_ENDINGS = words.listed("s es ed d ing 's")
_LISTED = re.compile(r"\b(?:each|every|all|list|which)\b|\bwhat are\b|\bwho are\b", re.IGNORECASE)
_KINDS = [
    (
        re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|time|month)\b|\buntil\b|\bdeadline\b", re.IGNORECASE),
        re.compile(
            r"\d|\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|june|july"
            r"|august|september|october|november|december|noon|midnight)",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(
            r"\bhow (?:many|much|long|old|far|tall|often|big|high)\b|\bprice\b|\bcosts?\b|\bnumber\b", re.IGNORECASE
        ),
        re.compile(
            r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|once|twice|free|daily|weekly)\b",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(r"\bwho(?:se|m)?\b", re.IGNORECASE),
        re.compile(r"(?<!^)\b[A-Z\u00c0-\u00de][\w'-]+|^[A-Z]\w+ [A-Z]\w+"),
    ),
    (re.compile(r"\bwhere\b", re.IGNORECASE), re.compile(r"\b(?:in|at|on|near|from) (?:the )?[A-Z\u00c0-\u00de]")),
    (
        re.compile(r"\bwhy\b", re.IGNORECASE),
        re.compile(r"\b(?:because|since|due to|so that|in order to|reason)\b", re.IGNORECASE),
    ),
    (re.compile(r"\b(?:e-?mail|contact)\b", re.IGNORECASE), re.compile(r"@\w")),
    (re.compile(r"\b(?:url|link|website)\b", re.IGNORECASE), re.compile(r"https?://|www\.")),
]


@dataclass(frozen=True, slots=True)
class _Term:
    """`starts` are what its words begin with, `ending` whether a word may go on behind that."""

    stem: str
    starts: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A unit with what it shares with the question. `score` is 0 where it cannot be an answer."""

    passage: Passage
    unit: Unit
    score: float
    terms: frozenset[str]


def answer(text: str, found: Sequence[Passage], before: str = "") -> str:
    """The answer to the message from what was found, `before` being what the user said last."""
    if not found:
        return f"I searched the files and found nothing about {quote(text)}."
    if questions.wants_overview(text):
        return _overview(found)
    said: list[_Candidate] = []
    for question in questions.find_questions(text, before):
        said += [
            c for c in _select_candidates(question, found) if c.unit.text not in {other.unit.text for other in said}
        ]
    if not said:
        return f"I searched the files, and none of the {_count_passages(found)} answers {quote(text)}."
    terms = [term for question in questions.find_questions(text, before) for term in _terms(question)]
    return _join_sentences([_cite(candidate, terms) for candidate in said])


def _count_passages(found: Sequence[Passage]) -> str:
    return "passages that I found" if len(found) > 1 else "text that I found"


def _overview(found: Sequence[Passage]) -> str:
    """How the first passage of each file begins."""
    said: dict[str, str] = {}
    for passage in found:
        able = (unit for unit in passages.units(passage.text[:4_000]) if not unit.is_heading)
        if passage.filename not in said and (first := next(able, None)) is not None:
            said[passage.filename] = _append_mark(tokens.shorten(first.text, _MAX_EXCERPT), passage.mark)
        if len(said) == _MAX_LISTED:
            break
    return _join_sentences(list(said.values())) if said else "The files hold no text that I could quote."


def _join_sentences(sentences: Sequence[str]) -> str:
    if len(sentences) > 2:
        return "\n".join(f"- {sentence}" for sentence in sentences)
    return " ".join(sentences)


def _select_candidates(question: Question, found: Sequence[Passage]) -> list[_Candidate]:
    """The best candidate, and those that belong beside it."""
    terms = _terms(question)
    candidates = _candidates(question, terms, found)
    if not candidates or not _covers_question(candidates[0], terms):
        return []
    best = candidates[0]
    if _LISTED.search(question.text):
        like = [c for c in candidates if c.score >= 0.85 * best.score and c.terms >= best.terms]
        return like[:_MAX_LISTED]
    missing = {term.stem for term in terms if term.weight >= 1} - best.terms
    beside = (c for c in candidates[1:] if c.score >= _SECOND * best.score and c.terms & missing)
    return [best, *([second] if (second := next(beside, None)) else [])]


def _covers_question(best: _Candidate, terms: Sequence[_Term]) -> bool:
    """Whether enough of the question is in it: a third of its words, half where it has only two."""
    asked = {term.stem for term in terms if term.weight >= 1} or {term.stem for term in terms}
    shared = len(best.terms & {term.stem for term in terms})
    return best.score > 0 and shared >= max(1, math.ceil(len(asked) * 0.34))


def _terms(question: Question) -> list[_Term]:
    own = [_term(stem, 1.0) for stem in question.terms]
    return own + [_term(stem, _EARLIER) for stem in question.earlier if stem not in question.terms]


def _term(stem: str, weight: float) -> _Term:
    starts = [stem[:-1] if stem.endswith("y") and len(stem) > 3 else stem]
    if "our" in stem:
        starts.append(stem.replace("our", "or"))
    elif stem.endswith("or") or "vor" in stem or "lor" in stem:
        starts.append(stem.replace("or", "our", 1))
    return _Term(stem, tuple(starts), weight)


def _candidates(question: Question, terms: Sequence[_Term], found: Sequence[Passage]) -> list[_Candidate]:
    """The best first."""
    sharing = _SharedStems(terms)
    cut = ((passage, unit) for passage in _preselect_passages(sharing, found) for unit in passages.units(passage.text))
    read = list(islice(cut, _MAX_UNITS))
    rarity = _term_rarity([sharing(unit.text) for _, unit in read], terms)
    rated = [_score_by_terms(passage, unit, sharing, rarity) for passage, unit in read]
    kinds = [answer for asked, answer in _KINDS if asked.search(question.text)]
    able = sorted(rated, key=_score, reverse=True)[:_MAX_SCORED_UNITS]
    return sorted((_score_by_kind(candidate, question, kinds) for candidate in able), key=_score, reverse=True)


def _score(candidate: _Candidate) -> float:
    return candidate.score


def _score_by_terms(passage: Passage, unit: Unit, sharing: "_SharedStems", rarity: dict[str, float]) -> _Candidate:
    """Scored by the words that the unit, or what stands around it, shares with the question."""
    shares = dict.fromkeys(sharing(unit.text), 1.0)
    around = ((unit.context, _CONTEXT), (unit.before, _BEFORE), (_split_filename(passage.filename), _NAME))
    for text, share in around:
        for stem in sharing(text) - shares.keys():
            shares[stem] = share
    return _Candidate(passage, unit, sum(share * rarity[stem] for stem, share in shares.items()), frozenset(shares))


def _score_by_kind(candidate: _Candidate, question: Question, kinds: Sequence[re.Pattern[str]]) -> _Candidate:
    return replace(candidate, score=candidate.score * _likelihood(question, candidate.unit, kinds))


def _preselect_passages(sharing: "_SharedStems", found: Sequence[Passage]) -> list[Passage]:
    """The passages that share most with the question; in the order of the search where they share as much."""
    sizes = {passage.mark: len(sharing(passage.text) | sharing(_split_filename(passage.filename))) for passage in found}
    return sorted((p for p in found if sizes[p.mark]), key=lambda passage: -sizes[passage.mark])[:_MAX_PASSAGES]


@lru_cache(maxsize=64)
def _split_filename(filename: str) -> str:
    return " ".join(words.name_parts(filename)) if filename.isascii() else filename


def _term_rarity(shared: Iterable[frozenset[str]], terms: Sequence[_Term]) -> dict[str, float]:
    counts = dict.fromkeys((term.stem for term in terms), 0)
    size = 0
    for stems in shared:
        size += 1
        for stem in stems:
            counts[stem] += 1
    return {term.stem: term.weight * math.log(2 + size / (1 + counts[term.stem])) for term in terms}


def _likelihood(question: Question, unit: Unit, kinds: Sequence[re.Pattern[str]]) -> float:
    """How likely a unit is an answer, apart from the words that it shares."""
    if unit.is_heading:
        return _HEADING
    if unit.text[-1] in "?\uff1f":
        return _ASKING
    if not _adds_information(question, unit.text):
        return _REPEATING
    fits = _FITTING_KIND if kinds and all(kind.search(unit.text) for kind in kinds) else 1.0
    return fits / (1 + max(0, len(unit.text) - _MAX_EXCERPT) / 3_000)


def _adds_information(question: Question, text: str) -> bool:
    """Whether anything in it was not in the question already."""
    known = set(question.terms) | set(question.earlier)
    return any(stem not in known for stem in questions.terms(text))


class _SharedStems:
    """Tells the stems that a text shares with the question. Remembers, since a unit is also the next one's context."""

    def __init__(self, terms: Sequence[_Term]) -> None:
        self._terms = terms
        self._known: dict[str, frozenset[str]] = {"": frozenset()}

    def __call__(self, text: str) -> frozenset[str]:
        if (known := self._known.get(text)) is None:
            known = self._known[text] = self._match_stems(text.lower())
        return known

    def _match_stems(self, lowered: str) -> frozenset[str]:
        return frozenset([t.stem for t in self._terms for start in t.starts if _position(start, t.stem, lowered) >= 0])


def _position(start: str, stem: str, lowered: str) -> int:
    """Where a word of the stem begins, -1 where there is none."""
    at = lowered.find(start)
    while at >= 0:
        if not start.isascii() or not lowered[at - 1 : at].isalnum():
            end = at + len(start)
            while end < len(lowered) and end - at < 40 and lowered[end].isalnum():
                end += 1
            if not start.isascii() or _is_form(lowered[at:end], start, stem):
                return at
        at = lowered.find(start, at + 1)
    return -1


def _is_form(word: str, start: str, stem: str) -> bool:
    tail = word[len(start) :]
    return not tail or tail in (_ENDINGS if len(start) > 3 else _SHORT_ENDINGS) or words.stem(word) == stem


def _cite(candidate: _Candidate, terms: Sequence[_Term]) -> str:
    return _append_mark(_excerpt(candidate.unit.text, terms), candidate.passage.mark)


def _excerpt(text: str, terms: Sequence[_Term]) -> str:
    """The part around what was asked for, where the text is long."""
    if len(text) <= _MAX_EXCERPT:
        return text
    lowered = text.lower()
    hits = [at for term in terms for start in term.starts if (at := _position(start, term.stem, lowered)) >= 0]
    first = max(0, min(hits, default=0) - _MAX_EXCERPT // 4)
    if first:
        space = text.find(" ", first, first + 40)
        first = space + 1 if space >= 0 else first
    return ("\u2026" if first else "") + tokens.shorten(text[first:], _MAX_EXCERPT)


def _append_mark(text: str, mark: str) -> str:
    """The mark stands before a full stop, and behind any other end."""
    if text[-1] in "!?\u2026\u3002\uff01\uff1f":
        return f"{text}{mark}"
    return f"{text.rstrip('.,;: ')}{mark}."
