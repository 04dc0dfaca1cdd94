"""The built-in embedding: words, pairs of words and pieces of words, hashed with signs into dimensions.

It needs no download and no library. It knows spellings, not meanings: inflected, compound and misspelt words are
near each other, synonyms are not. Words count by the logarithm of how often they come, and filling words little.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zlib import crc32

from understudy.store.words import STOP, indexed, split

DIMENSIONS: Final = 384

_FILLING: Final = 0.1
_PAIR: Final = 0.4
_PIECE: Final = 0.35
_SPREAD: Final = 4
"""Dimensions that a whole word has a share in; one alone would be shared with too many others."""

_LONGEST: Final = 24


def vectors(texts: Sequence[str]) -> list[bytes]:
    return [vector(text) for text in texts]


def vector(text: str, dimensions: int = DIMENSIONS) -> bytes:
    """Little-endian float32 of unit length."""
    return struct.pack(f"<{dimensions}f", *direction(text, dimensions))


def direction(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    words = [word[:_LONGEST] for word in split(indexed(text).lower())]
    total = [0.0] * dimensions
    for word, count in Counter(words).items():
        weight = 1.0 + math.log(count)
        for place, share in _word(word):
            total[place % dimensions] += weight * share
    telling = [word for word in words if word not in STOP]
    for pair, count in Counter(pairwise(telling)).items():
        place, share = _pair(pair)
        total[place % dimensions] += (1.0 + math.log(count)) * share
    length = math.sqrt(math.fsum(value * value for value in total))
    if length == 0.0:
        # A text without a word is near nothing, and still has a direction.
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in total]


@lru_cache(maxsize=50_000)
def _word(word: str) -> tuple[tuple[int, float], ...]:
    """What a word adds: `(number, share)`, a number for a dimension. The shares of a word have the length of its weight."""
    weight = _FILLING if word in STOP else 1.0
    shares: dict[int, float] = {}
    stem = _stem(word)
    for number in range(_SPREAD):
        place, sign = _hashed(f"{number}:{stem}")
        shares[place] = shares.get(place, 0.0) + sign / math.sqrt(_SPREAD)
    pieces = list(_pieces(word)) if word not in STOP else []
    for piece in pieces:
        place, sign = _hashed(piece)
        shares[place] = shares.get(place, 0.0) + sign * _PIECE / math.sqrt(len(pieces)) * 2
    return tuple((place, weight * share) for place, share in shares.items())


@lru_cache(maxsize=100_000)
def _pair(pair: tuple[str, str]) -> tuple[int, float]:
    place, sign = _hashed(f"{_stem(pair[0])} {_stem(pair[1])}")
    return place, sign * _PAIR


def _pieces(word: str) -> Iterator[str]:
    """The runs of three and four letters, the word's edges included."""
    edged = f"<{word}>"
    for size in (3, 4):
        for start in range(len(edged) - size + 1):
            yield edged[start : start + size]


def _stem(word: str) -> str:
    """English endings cut off roughly."""
    for ending in ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "er", "es", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _hashed(feature: str) -> tuple[int, float]:
    number = crc32(feature.encode("utf-8", "replace"))
    # The low bits choose the dimension, the highest the sign.
    return number & 0x3FFFFFFF, 1.0 if number >> 31 else -1.0
