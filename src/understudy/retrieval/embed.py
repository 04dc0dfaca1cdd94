"""Turns texts into vectors with the configured embedder. Knows no index and no HTTP."""

import asyncio
import logging
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from understudy.errors import UnderstudyError
from understudy.retrieval import builtin, model_use
from understudy.retrieval.children import ChildPool, ChildRequestError
from understudy.retrieval.messages import Embed, Rows
from understudy.retrieval.similarity import BUILTIN_SCALES, UNKNOWN_SCALES, SimilarityScales, measure_scales

logger = logging.getLogger(__name__)

BUILTIN: Final = "builtin"
E5: Final = "multilingual-e5-small"
"""The embedder of the extra `embed`: the name covers the model, its weights and how texts are cut into windows."""

_CHILD_TIMEOUT: Final = 120.0
_BUILTIN_KEYWORD_WEIGHT: Final = 0.97
"""The built-in vectors compare spellings, as the words do, but know no frequencies."""

SEMANTIC_KEYWORD_WEIGHT: Final = 0.4
"""For vectors that compare meanings."""

_BATCH_CHARACTERS: Final = 4000
"""Characters embedded in this process: a call of a child process would take longer."""


class EmbeddingError(UnderstudyError):
    """No vectors; `passing` if a retry may succeed."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class UnknownEmbedderError(UnderstudyError):
    """The store's embedder is no longer configured."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """`rows` are little-endian float32 of unit length, one for each text in order."""

    dimensions: int
    rows: Sequence[bytes]


class Embedder(Protocol):
    """Raises EmbeddingFailed."""

    name: str
    """The name stored with a vector store: `builtin`, `multilingual-e5-small`, `PROVIDER/MODEL`, `fastembed:NAME`, or a
    directory.
    """

    scales: SimilarityScales | None
    """What its cosines mean; None if they are to be measured."""

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors: ...

    def keyword_weight(self, language: str) -> float:
        """The weight of the words beside these vectors, from 0 to 1, for queries in a language.

        `language` is an English name in lower case, such as `german`; empty if it is not known.
        """
        ...

    async def close(self) -> None: ...


class Embedders:
    """`make` returns the embedder of a name, or None if the settings have no such embedder.

    `find_successor` returns the name of the embedder that replaces built-in vectors in the background, or None;
    `is_charged` whether the embedder of a name is a model of a provider.
    """

    def __init__(
        self,
        default: str,
        make: Callable[[str], Embedder | None],
        find_successor: Callable[[], str | None] = lambda: None,
        is_charged: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.default_name = default
        self._make = make
        self.find_successor = find_successor
        self.is_charged = is_charged
        self._made: dict[str, Embedder] = {}
        self._scales: dict[str, SimilarityScales] = {}

    @property
    def default(self) -> Embedder:
        """The embedder of new vector stores."""
        return self.get(self.default_name)

    def get(self, name: str) -> Embedder:
        """Raises EmbedderMissing."""
        embedder = self._made.get(name) or self._make(name)
        if embedder is None:
            remedy = "Install the extra `embed`" if name == E5 else "Configure it again"
            raise UnknownEmbedderError(
                f"The embedder {name!r} is no longer configured. {remedy}, or run `understudy reindex`,"
                f" which indexes its vector stores again with {self.default_name!r}."
            )
        self._made[name] = embedder
        return embedder

    def first(self, name: str) -> Embedder:
        """The embedder that makes a new file of a store with this embedder searchable. Raises EmbedderMissing."""
        return self.get(BUILTIN if name == E5 else name)

    async def scales(self, name: str) -> SimilarityScales:
        """What the cosines of an embedder mean: measured at the first search, where it does not know them.

        Those of an unknown model where it fails. Raises EmbedderMissing.
        """
        embedder = self.get(name)
        known = embedder.scales or self._scales.get(name)
        if known is not None:
            return known

        async def embed(texts: Sequence[str], query: bool) -> Sequence[bytes]:
            return (await embedder.embed(texts, query=query)).rows

        try:
            # The first search does not pay for what all searches need.
            with model_use.collect():
                self._scales[name] = await measure_scales(embed)
        except EmbeddingError as error:
            logger.warning("the similarities of the embedder %r were not measured: %s", name, error)
            return UNKNOWN_SCALES
        return self._scales[name]

    async def close(self) -> None:
        await asyncio.gather(*(embedder.close() for embedder in self._made.values()))


class BuiltinEmbedder:
    """The embedder without dependencies. Documents are embedded in a child process, so that the server stays
    responsive.
    """

    name = BUILTIN
    scales: SimilarityScales | None = BUILTIN_SCALES

    def __init__(self, children: ChildPool) -> None:
        self._children = children

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        if query or sum(map(len, texts)) <= _BATCH_CHARACTERS:
            return Vectors(builtin.DIMENSIONS, builtin.embed_texts(texts))
        try:
            async with self._children.lease() as child:
                reply = await child.request(Embed(list(texts)), _CHILD_TIMEOUT)
        except ChildRequestError as error:
            raise EmbeddingError(str(error), passing=True) from None
        assert isinstance(reply, Rows)
        return Vectors(builtin.DIMENSIONS, reply.rows)

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002 - spellings are compared alike in all
        return _BUILTIN_KEYWORD_WEIGHT

    async def close(self) -> None:
        await self._children.close()


def normalize_vector(values: Sequence[float]) -> bytes:
    """Normalizes a vector of any length to a row. Raises EmbeddingFailed for a zero vector."""
    length = sum(value * value for value in values) ** 0.5
    if not 0.0 < length < float("inf"):
        raise EmbeddingError("The embedder returned a zero vector.", passing=False)
    return struct.pack(f"<{len(values)}f", *[value / length for value in values])
