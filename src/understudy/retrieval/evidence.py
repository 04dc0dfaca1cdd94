"""How well the words of a passage match a query: BM25 over whole terms, more where they follow one another.

Both database engines only find the candidates; their texts are matched here, so that both rank alike.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from understudy.store.chunk_search import QueryStatistics, ScoredChunk
from understudy.text.terms import HEADING_WEIGHT, is_paired, split_surface_words, word_terms
from understudy.text.tokenize import fold_letters

_K1: Final = 1.4
_B: Final = 0.75
"""The constants of BM25: how soon a repeated term counts no more, and how much less a long passage is worth."""

_PAIR_WEIGHT: Final = 0.5
"""Weight of two terms that follow one another in the query and in the passage, relative to the rarer of them alone."""

_ABSENT: Final = -1
_OTHER_WORD: Final = (_ABSENT,)
_PREFIX_LANGUAGES: Final = frozenset({"arabic", "dutch", "indonesian", "irish", "serbian"})
"""Languages whose stemmers also change the beginning of a word."""


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A term of the query in a passage: its `words` as the passage has them, in lower case, and how often they occur.

    `name_count` is the same in the name of the file.
    """

    term: str
    words: tuple[str, ...]
    count: int
    name_count: int


class QueryMatcher:
    """The terms of one query in one store, to be matched with the texts of passages."""

    def __init__(self, statistics: QueryStatistics) -> None:
        self._average_length = statistics.average_length
        self._matchers = {
            language: _WordMatcher(language, [term.by_language[place] for term in statistics.terms])
            for place, language in enumerate(statistics.languages)
        }
        self._weights = list(statistics.weights)
        self._pair_weights = [_PAIR_WEIGHT * max(one, two) for one, two in pairwise(self._weights)]
        self._best = (sum(self._weights) + sum(self._pair_weights)) * (_K1 + 1)

    def rate(self, passage: ScoredChunk) -> float:
        """From 0, without a term of the query, to nearly 1, with all of them often. Comparable across queries."""
        matcher = self._matchers.get(passage.language)
        if matcher is None or not self._best:
            return 0.0
        numbers = matcher.find_terms(passage.chunk.context)
        terms, pairs = _count_terms(numbers)
        if passage.heading:
            for counter, more in zip((terms, pairs), _count_terms(matcher.find_terms(passage.heading)), strict=True):
                for number, count in more.items():
                    counter[number] += HEADING_WEIGHT * count
        penalty = _K1 * (1 - _B + _B * len(numbers) / self._average_length)
        total = sum(self._weights[number] * _saturate(count, penalty) for number, count in terms.items())
        total += sum(self._pair_weights[number] * _saturate(count, penalty) for number, count in pairs.items())
        return total / self._best

    def find_matches(self, passage: ScoredChunk) -> list[TermMatch]:
        """The terms of the query that the passage or the name of its file has, the rarest in the store first."""
        matcher = self._matchers.get(passage.language)
        if matcher is None:
            return []
        in_text = matcher.find_words(passage.chunk.context)
        in_name = matcher.find_words(passage.heading)
        return [
            TermMatch(
                matcher.terms[number],
                tuple(sorted(in_text.get(number, ()))),
                sum(in_text.get(number, {}).values()),
                sum(in_name.get(number, {}).values()),
            )
            for number in sorted(in_text.keys() | in_name.keys(), key=lambda number: (-self._weights[number], number))
        ]


def _count_terms(numbers: Sequence[int]) -> tuple[Counter[int], Counter[int]]:
    """How often each term occurs, and each pair of terms, by the number of its first."""
    terms: Counter[int] = Counter()
    pairs: Counter[int] = Counter()
    before = _ABSENT
    place_before = _ABSENT
    for place, number in [(place, number) for place, number in enumerate(numbers) if number != _ABSENT]:
        terms[number] += 1
        if number == before + 1 and place == place_before + 1 and place:
            pairs[before] += 1
        before, place_before = number, place
    return terms, pairs


def _saturate(count: int, penalty: float) -> float:
    return count * (_K1 + 1) / (count + penalty)


class _WordMatcher(dict[str, tuple[int, ...]]):
    """The numbers of the query's terms that a word of a text has, `_ABSENT` in place of other terms.

    A passage has hundreds of words, and stemming one that was not met before takes long, so only those are stemmed that
    begin like a term.
    """

    def __init__(self, language: str, terms: Sequence[str]) -> None:
        self._language = language
        self.terms = terms
        self._numbers = _number_terms(terms)
        self._beginnings = {beginning for term in terms for beginning in _beginnings(term)}

    def find_terms(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self.__getitem__, split_surface_words(text))))

    def find_words(self, text: str) -> dict[int, Counter[str]]:
        """The words of a text that have a term of the query, with their counts, by the number of the term."""
        words: dict[int, Counter[str]] = {}
        for word in split_surface_words(text):
            for number in self[word]:
                if number != _ABSENT:
                    words.setdefault(number, Counter())[word] += 1
        return words

    def __missing__(self, word: str) -> tuple[int, ...]:
        numbers = self[word] = self._match(word) if self._may_match(word) else _OTHER_WORD
        return numbers

    def _may_match(self, word: str) -> bool:
        if self._language in _PREFIX_LANGUAGES:
            return True
        if word.isascii():
            return word[:2] in self._beginnings
        # A longer word of a script that is split into pairs has many terms.
        beginning = fold_letters(word[:2])[:2]
        return beginning in self._beginnings or is_paired(word)

    def _match(self, word: str) -> tuple[int, ...]:
        return tuple(self._numbers.get(term, _ABSENT) for term in word_terms(word, self._language))


def _number_terms(terms: Sequence[str]) -> Mapping[str, int]:
    numbers: dict[str, int] = {}
    for number, term in enumerate(terms):
        numbers.setdefault(term, number)
    return numbers


def _beginnings(term: str) -> set[str]:
    """`dying` has the stem `die`, and `skies` that of `sky`."""
    start = term[:2]
    return {start, start.replace("i", "y"), start.replace("y", "i")}
