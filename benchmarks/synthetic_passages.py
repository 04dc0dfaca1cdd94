"""Any number of passages with words and vectors, the same each time: files of related passages about a topic each.

A vector is the sum of an area, a topic, a file and a passage, each of which varies most along few directions, as the
vectors of embedding models do. A passage's words are common ones, and rare ones of its topic.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

_AREAS, _TOPICS = 40, 1500
_WEIGHTS = {"area": 0.5, "topic": 0.6, "file": 0.5, "passage": 0.7, "query": 0.8}
_SYLLABLES = [a + b + c for a in "bdfgklmnprstvz" for b in "aeiou" for c in ("", "l", "n", "r", "s")]
_VOCABULARY = 60_000
_RARE_WORDS = 150
"""Those of a topic."""

_WORDS, _TOPIC_WORDS = 60, 18
"""Words of a passage, and how many of them are of its topic."""

_QUERY_WORDS = 8


@dataclass(frozen=True, slots=True)
class SyntheticFile:
    """`vectors` are a row a passage, of unit length."""

    topic: int
    texts: Sequence[str]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class SyntheticQuery:
    """Some words of a passage, and a vector near the passage's."""

    topic: int
    words: str
    vector: Vectors


class SyntheticPassages:
    """Files of `size` passages with vectors of `dimensions`."""

    def __init__(self, size: int, dimensions: int) -> None:
        self.size = size
        self._dimensions = dimensions
        chance = np.random.default_rng(1)
        self._spread = (1 / np.sqrt(np.arange(1, dimensions + 1))).astype(np.float32)
        self._spread /= np.linalg.norm(self._spread)
        self._rotation = np.linalg.qr(chance.standard_normal((dimensions, dimensions)))[0].astype(np.float32)
        areas = self._draw(chance, _AREAS, "area")
        self._topics = areas[chance.integers(0, _AREAS, _TOPICS)] + self._draw(chance, _TOPICS, "topic")

    def read(self, file: int) -> SyntheticFile:
        topic, vectors = self.embed(file)
        return SyntheticFile(topic, [" ".join(words) for words in self._write(topic, file)], vectors)

    def embed(self, file: int) -> tuple[int, Vectors]:
        """The file's topic and vectors, without its texts."""
        chance = np.random.default_rng([2, file])
        topic = int(_TOPICS * chance.random() ** 2)
        latent = self._topics[topic] + self._draw(chance, 1, "file") + self._draw(chance, self.size, "passage")
        return topic, self._normalize(latent)

    def query(self, file: int, place: int) -> SyntheticQuery:
        topic, vectors = self.embed(file)
        noise = self._draw(np.random.default_rng([3, file]), 1, "query")
        vector = self._normalize(vectors[place : place + 1] @ self._rotation.T + noise)[0]
        words = self._write(topic, file)[place]
        return SyntheticQuery(topic, " ".join(random.Random(file).sample(words, _QUERY_WORDS)), vector)

    def _draw(self, chance: np.random.Generator, count: int, part: str) -> Vectors:
        drawn: Vectors = chance.standard_normal((count, self._dimensions), dtype=np.float32)
        return drawn * (self._spread * np.float32(_WEIGHTS[part]))

    def _normalize(self, latent: Vectors) -> Vectors:
        turned: Vectors = latent @ self._rotation
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        return turned

    def _write(self, topic: int, file: int) -> list[list[str]]:
        """The words of each passage, in no order that matters."""
        chance = np.random.default_rng([6, file])
        drawn = np.searchsorted(self._weights, chance.random((self.size, _WORDS - _TOPIC_WORDS)))
        own = np.searchsorted(self._topic_weights, chance.random((self.size, _TOPIC_WORDS)))
        rare, words = self._rare_words[topic], self._vocabulary
        return [
            [words[place] for place in some] + [rare[place] for place in few]
            for some, few in zip(drawn.tolist(), own.tolist(), strict=True)
        ]

    @cached_property
    def _vocabulary(self) -> list[str]:
        """The most common word first."""
        chance, words = random.Random(4), dict[str, None]()
        while len(words) < _VOCABULARY:
            words["".join(chance.choices(_SYLLABLES, k=2 + len(words) % 3))] = None
        return list(words)

    @cached_property
    def _weights(self) -> Vectors:
        return _accumulate_zipf(_VOCABULARY)

    @cached_property
    def _rare_words(self) -> list[list[str]]:
        """Those of each topic."""
        chance = random.Random(5)
        return [chance.sample(self._vocabulary[500:], _RARE_WORDS) for _ in range(_TOPICS)]

    @cached_property
    def _topic_weights(self) -> Vectors:
        return _accumulate_zipf(_RARE_WORDS)


def _accumulate_zipf(count: int) -> Vectors:
    """Cumulated weights of words, of which the first are the most common."""
    weights: Vectors = np.cumsum(1 / (np.arange(count) + 3.0)).astype(np.float32)
    weights /= weights[-1]
    return weights
