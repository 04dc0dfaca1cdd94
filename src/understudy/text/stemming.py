"""Stems of words. The only place that knows the rules of a language."""

import threading
from functools import lru_cache
from typing import Final, Protocol

_SUFFIXES: Final = ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "er", "es", "ly", "s", "e", "y")
_MIN_ROOT_LENGTH: Final = 3


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the package's name


class _ThreadStemmers(threading.local):
    """The package keeps the word at work in the stemmer, so each thread has stemmers of its own."""

    def __init__(self) -> None:
        self.by_language: dict[str, _Stemmer] = {}


_local: Final = _ThreadStemmers()


@lru_cache(maxsize=20_000)
def stem(word: str, language: str = "english") -> str:
    """The Snowball stem of a word in lower case; a stem need not be a word or its beginning (`happi`).

    `language` is one of `snowballstemmer.algorithms()`; raises KeyError for another one.
    """
    return stem_word(word, language)


def stem_word(word: str, language: str) -> str:
    """Like `stem`, for callers that cache what they make of a stem.

    It takes a microsecond with the package `pystemmer`, and 30 without.
    """
    stemmer = _local.by_language.get(language)
    if stemmer is None:
        # The package loads all of its languages, which takes 0.1 s that most servers need not spend.
        import snowballstemmer  # noqa: PLC0415

        stemmer = _local.by_language[language] = snowballstemmer.stemmer(language)
    return stemmer.stemWord(word)


@lru_cache(maxsize=100)
def has_stemmer(language: str) -> bool:
    if not language:
        return False
    import snowballstemmer  # noqa: PLC0415 - as above

    return language in snowballstemmer.algorithms()


def cut_suffix(word: str) -> str:
    """What most forms of an English word begin with, to search a text for: `berth` of `berthing`.

    Part of the format of stored built-in vectors, whose features are hashes of it: a change needs a new embedder name.
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_ROOT_LENGTH:
            return word[: -len(suffix)]
    return word
