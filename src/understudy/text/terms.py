"""The terms of a text for full-text search, the same on both database engines: stems in the language of the text.

Scripts without spaces between words, and Hangul, are split into overlapping pairs of characters. Knows no table.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import PurePath
from typing import Final

from understudy.text.stemming import has_stemmer, stem_word
from understudy.text.stop_words import STOP_WORDS
from understudy.text.tokenize import fold_letters

_MAX_TERM_LENGTH: Final = 64
_MAX_STEMMED_LENGTH: Final = 32
_MAX_QUERY_TERMS: Final = 64
_MAX_HEADING_CHARACTERS: Final = 200
_MAX_LEXICON_WORDS: Final = 100_000
HEADING_WEIGHT: Final = 3
"""How often a word of a file's name counts: the topic of a passage often occurs nowhere else."""

_ASCII_LETTERS: Final = bytes(code if chr(code).isalnum() and code < 128 else 32 for code in range(256)).lower()
# Vowel signs of Indic scripts and combining accents are parts of a word, though not letters.
_WORD = re.compile("[\\w\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0971-\u0dff]+")
_PAIRED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_PICTOGRAPH = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")
_SENTENCE_ENDS: Final = "\u3002\uff01\uff1f"


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A word of a query, or a pair of characters: its term in each language of a store, in the order of those."""

    by_language: tuple[str, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        """The distinct terms, in order."""
        return tuple(sorted(set(self.by_language)))


def split_surface_words(text: str) -> list[str]:
    """The words as they are written, in lower case. `word_terms` returns the terms of each.

    A pictograph is a word of its own, by its number, since the databases index letters and digits alone.
    """
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_LETTERS).decode("ascii").split()
    plain = unicodedata.normalize("NFKC", text).lower().replace("_", " ")
    return _WORD.findall(_PICTOGRAPH.sub(_name_pictograph, plain))


def _name_pictograph(match: re.Match[str]) -> str:
    return f" u{ord(match[0]):x} "


def word_terms(word: str, language: str) -> tuple[str, ...]:
    """The terms of a word in lower case: one, or its pairs of characters."""
    return _lexicon(language)[word]


def is_paired(word: str) -> bool:
    """Whether the word has characters that are split into pairs."""
    return _PAIRED.search(word) is not None


def index_terms(text: str, language: str) -> tuple[list[str], int]:
    """The terms to index a text by, and how many of them are its words or pairs.

    After those are the single characters of paired scripts, once each, so that a query of one character matches.
    """
    terms = list(chain.from_iterable(map(_lexicon(language).__getitem__, split_surface_words(text))))
    length = len(terms)
    if not text.isascii():
        terms += sorted({character for run in _PAIRED.findall(text) for character in run})
    return terms, length


def filename_heading(filename: str) -> str:
    """The part of a file's name whose words match all of its passages."""
    return PurePath(filename).stem[:_MAX_HEADING_CHARACTERS]


def join_context(headings: str | None, header: str | None, text: str) -> str:
    """A passage's text with what it is searched by beside it."""
    return "\n".join(part for part in (headings, header, text) if part)


def passage_terms(text: str, heading: str, language: str) -> tuple[str, int]:
    """The terms of a passage with spaces between, those of its heading three times; and the passage's length."""
    return join_part_terms([text], heading, language)


def join_part_terms(parts: Sequence[str], heading: str, language: str) -> tuple[str, int]:
    """`passage_terms` of parts of a passage. Those of the last few parts are remembered: passages overlap."""
    read = [_read_part(part, language) for part in parts]
    singles = sorted(set().union(*(part.singles for part in read)))
    headings = [_read_heading(heading, language)] if heading else []
    terms = (part.terms for part in read if part.terms)
    return " ".join([*headings, *terms, *singles]), sum(part.length for part in read)


def is_word_boundary(text: str, position: int) -> bool:
    """Whether the texts before and after an inner position surely have the words of the whole."""
    before = text[position - 1]
    return before.isspace() or before in _SENTENCE_ENDS or text[position].isspace()


@dataclass(frozen=True, slots=True)
class _Part:
    """`terms` have spaces between, `singles` are the single characters of paired scripts."""

    terms: str
    length: int
    singles: frozenset[str]


@lru_cache(maxsize=8)
def _read_part(text: str, language: str) -> _Part:
    if text.isascii():
        words = split_surface_words(text)
        return _Part(" ".join(map(_joined_lexicon(language).__getitem__, words)), len(words), frozenset())
    terms, length = index_terms(text, language)
    return _Part(" ".join(terms[:length]), length, frozenset(terms[length:]))


@lru_cache(maxsize=8)
def _read_heading(heading: str, language: str) -> str:
    return " ".join(index_terms(heading, language)[0] * HEADING_WEIGHT)


def query_terms(query: str, languages: Sequence[str]) -> list[QueryTerm]:
    """The distinct terms of a query, at most 64, without stop words unless it has no others."""
    words = list(dict.fromkeys(split_surface_words(query)))
    significant = [word for word in words if word not in STOP_WORDS] or words
    terms: dict[tuple[str, ...], None] = {}
    for word in significant[:_MAX_QUERY_TERMS]:
        terms.update(dict.fromkeys(zip(*(word_terms(word, language) for language in languages), strict=False)))
    return [QueryTerm(by_language) for by_language in terms][:_MAX_QUERY_TERMS]


class _Lexicon(dict[str, tuple[str, ...]]):
    """The terms of the words met so far in one language: most words of a text are met again and again."""

    def __init__(self, language: str) -> None:
        self._language = language if has_stemmer(language) else ""

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _MAX_LEXICON_WORDS:
            self.clear()
        terms = self[word] = _make_terms(word, self._language)
        return terms


class _JoinedLexicon(dict[str, str]):
    """The same as texts. A word in ASCII has one term."""

    def __init__(self, language: str) -> None:
        self._terms = _lexicon(language)

    def __missing__(self, word: str) -> str:
        if len(self) >= _MAX_LEXICON_WORDS:
            self.clear()
        joined = self[word] = " ".join(self._terms[word])
        return joined


_lexicon = lru_cache(maxsize=64)(_Lexicon)
_joined_lexicon = lru_cache(maxsize=64)(_JoinedLexicon)


def _make_terms(word: str, language: str) -> tuple[str, ...]:
    if language and word.isalpha() and len(word) <= _MAX_STEMMED_LENGTH:
        word = stem_word(word, language) or word
    if word.isascii():
        return (word[:_MAX_TERM_LENGTH],)
    terms: list[str] = []
    plain, start = fold_letters(word), 0
    for match in _PAIRED.finditer(plain):
        run = match[0]
        terms += [plain[start : match.start()], *([run[i : i + 2] for i in range(len(run) - 1)] or [run])]
        start = match.end()
    terms.append(plain[start:])
    return tuple(term[:_MAX_TERM_LENGTH] for term in terms if term)
