"""Stems of words."""

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from understudy.text.stemming import stem, stem_word

WORDS = {
    "english": ("booking", "book"),
    "german": ("häuser", "haus"),
    "french": ("continuellement", "continuel"),
    "russian": ("красивая", "красив"),
}


@pytest.mark.parametrize("language", WORDS)
def test_inflected_words_are_stemmed_by_the_rules_of_their_language(language):
    word, expected = WORDS[language]
    assert stem(word, language) == expected


def test_threads_stem_at_the_same_time():
    words = [f"{letters}ing" for letters in ("walk", "talk", "jump", "read", "boil", "cook", "sail", "mark")] * 200
    stem.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        stems = list(threads.map(stem.__wrapped__, words))
    assert stems == [word.removesuffix("ing") for word in words]


def test_an_unknown_language_is_refused():
    with pytest.raises(KeyError):
        stem("word", "klingon")


@pytest.mark.parametrize("language", ["english", "german", "french", "spanish", "russian", "turkish"])
def test_the_c_library_makes_the_stems_that_are_in_stored_indexes(language):
    python_stemmer = importlib.import_module(f"snowballstemmer.{language}_stemmer")
    stemmer = getattr(python_stemmer, f"{language.title()}Stemmer")()
    words = [
        "berthing",
        "harbours",
        "häfen",
        "größe",
        "fermées",
        "mejores",
        "paternidad",
        "причалы",
        "гавани",
        "limanları",
        "relational",
        "2026",
        "x",
    ]
    assert [stem_word(word, language) for word in words] == [stemmer.stemWord(word) for word in words]
