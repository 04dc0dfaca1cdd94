"""The built-in embedding: words, pairs of words and parts of words, hashed with signs into dimensions.

It needs no download and no library. It compares spellings, not meanings: inflected, compound and misspelt words are
near each other, synonyms are not. A short text fills few dimensions, so its vector is spread over all of them by a
rotation (Walsh-Hadamard): angles are unchanged, and the sign of every dimension carries information.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import add, sub
from typing import Final
from zlib import crc32

from understudy.text.stemming import cut_suffix
from understudy.text.stop_words import STOP_WORDS
from understudy.text.tokenize import fold_text, split_words

DIMENSIONS: Final = 512
"""With fewer, words collide so often that search finds much less; with twice as many it hardly finds more."""

_STOP_WORD_WEIGHT: Final = 0.1
_PAIR_WEIGHT: Final = 0.3
_NGRAM_WEIGHT: Final = 0.9
_LENGTH_WEIGHT: Final = 0.3
"""Weight of a long word relative to a short one, which is common in most texts."""

_DIMENSIONS_PER_FEATURE: Final = 3
"""Dimensions that a whole word is spread over; a single one would collide with too many other words."""

_MAX_WORD_LENGTH: Final = 24


def embed_texts(texts: Sequence[str]) -> list[bytes]:
    return [embed_text(text) for text in texts]


def embed_text(text: str, dimensions: int = DIMENSIONS) -> bytes:
    """Little-endian float32 of unit length."""
    return struct.pack(f"<{dimensions}f", *text_direction(text, dimensions))


def text_direction(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    words = [word[:_MAX_WORD_LENGTH] for word in split_words(fold_text(text).lower())]
    size = 1 << max(0, dimensions - 1).bit_length()
    total = [0.0] * size
    for word, count in Counter(words).items():
        weight = 1.0 + math.log(count)
        for number, share in _word_features(word):
            total[number & (size - 1)] += weight * share
    for number, share in map(_hash_pair, pairwise(word for word in words if word not in STOP_WORDS)):
        total[number & (size - 1)] += share
    turned = _rotate(total)[:dimensions]
    length = math.sqrt(math.fsum(value * value for value in turned))
    if length == 0.0:
        # A text without a word matches nothing, but still needs a direction.
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in turned]


def _rotate(values: list[float]) -> list[float]:
    half = len(values) // 2
    for _ in range(half.bit_length()):
        first, second = values[:half], values[half:]
        values[::2] = map(add, first, second)
        values[1::2] = map(sub, first, second)
    return values


@lru_cache(maxsize=12_000)
def _word_features(word: str) -> tuple[tuple[int, float], ...]:
    """The contribution of a word: `(number, share)`, where the number selects a dimension."""
    if word in STOP_WORDS:
        return tuple(
            (number, sign * _STOP_WORD_WEIGHT / math.sqrt(_DIMENSIONS_PER_FEATURE)) for number, sign in _hash_word(word)
        )
    weight = min(1.6, max(0.4, (len(word) / 6) ** _LENGTH_WEIGHT)) if word.isascii() else 1.2
    pieces = list(_ngrams(word))
    shares = [(number, weight * sign / math.sqrt(_DIMENSIONS_PER_FEATURE)) for number, sign in _hash_word(word)]
    shares += [
        (number, weight * sign * _NGRAM_WEIGHT / math.sqrt(len(pieces))) for number, sign in map(_hash_feature, pieces)
    ]
    return tuple(shares)


def _hash_word(word: str) -> list[tuple[int, float]]:
    root = cut_suffix(word)
    return [_hash_feature(f"{number}:{root}") for number in range(_DIMENSIONS_PER_FEATURE)]


@lru_cache(maxsize=20_000)
def _hash_pair(pair: tuple[str, str]) -> tuple[int, float]:
    number, sign = _hash_feature(f"{cut_suffix(pair[0])} {cut_suffix(pair[1])}")
    return number, sign * _PAIR_WEIGHT


def _ngrams(word: str) -> Iterator[str]:
    """All substrings of three and four letters, including the edges of the word."""
    edged = f"<{word}>"
    for size in (3, 4):
        for start in range(len(edged) - size + 1):
            yield edged[start : start + size]


def _hash_feature(feature: str) -> tuple[int, float]:
    number = crc32(feature.encode("utf-8", "replace"))
    # The low bits choose the dimension, the highest the sign.
    return number, 1.0 if number >> 31 else -1.0
