"""The tokens of uncased BERT models: words of a text, cut into pieces of a vocabulary. Knows no model.

Source: `BasicTokenizer` and `WordpieceTokenizer` of BERT's `tokenization.py`.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Final

_VOCABULARY: Final = ("vocabulary", "bert-base-uncased.txt")
_UNKNOWN: Final = "[UNK]"
_MAX_WORD_CHARACTERS: Final = 100
_CACHED_WORDS: Final = 20_000
_IDEOGRAPHS: Final = (
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF)),
    *((0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F)),
)
_ASCII_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class WordPiece:
    """`start` and `end` are the numbers of the tokens around each text of a model."""

    def __init__(self) -> None:
        file = resources.files("understudy.retrieval").joinpath(*_VOCABULARY)
        self._numbers = {token: number for number, token in enumerate(file.read_text("utf-8").splitlines())}
        self._unknown = self._numbers[_UNKNOWN]
        self.start, self.end = self._numbers["[CLS]"], self._numbers["[SEP]"]
        self._cut = lru_cache(_CACHED_WORDS)(self._cut_word)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's tokens, without `start` and `end`."""
        return [number for word in _split_words(text) for number in self._cut(word)]

    def _cut_word(self, word: str) -> tuple[int, ...]:
        """The longest pieces from the left; one unknown token if none matches somewhere."""
        if len(word) > _MAX_WORD_CHARACTERS:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            piece = self._find_longest(word, start)
            if piece is None:
                return (self._unknown,)
            number, start = piece
            pieces.append(number)
        return tuple(pieces)

    def _find_longest(self, word: str, start: int) -> tuple[int, int] | None:
        """The number of the longest piece at `start`, and where it ends."""
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            if (number := self._numbers.get(prefix + word[start:end])) is not None:
                return number, end
        return None


def _split_words(text: str) -> Iterator[str]:
    for word in "".join(map(_clean, text)).split():
        folded = unicodedata.normalize("NFD", word.lower())
        yield from "".join(map(_isolate_punctuation, folded)).split()


@lru_cache(4096)
def _clean(character: str) -> str:
    """Ideographs are words of their own; control characters are removed."""
    if character.isspace():
        return " "
    if character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cf"}:
        return ""
    code = ord(character)
    if any(first <= code <= last for first, last in _IDEOGRAPHS):
        return f" {character} "
    return character


@lru_cache(4096)
def _isolate_punctuation(character: str) -> str:
    """Accents are removed; each punctuation mark is a word of its own."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    return f" {character} " if character in _ASCII_PUNCTUATION or category.startswith("P") else character
