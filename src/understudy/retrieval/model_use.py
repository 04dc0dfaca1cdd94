"""What models of providers were used for while an index was written or searched. Knows no price and no project.

A caller that pays collects; embedders and rerankers add to what is collected in their task, or in the tasks that it
created.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, NamedTuple

UseKind = Literal["embedding", "reranking"]
_CHARACTERS_A_TOKEN: Final = 4
"""Estimated, for providers that report no tokens."""


class ModelUse(NamedTuple):
    """One request of a model: what it did, and the tokens that it read."""

    kind: UseKind
    model: str
    tokens: int


_uses: Final[ContextVar[list[ModelUse] | None]] = ContextVar("model_uses", default=None)


@contextmanager
def collect() -> Iterator[list[ModelUse]]:
    """The uses inside of the context, which an outer collection does not get."""
    uses: list[ModelUse] = []
    token = _uses.set(uses)
    try:
        yield uses
    finally:
        _uses.reset(token)


def add(kind: UseKind, model: str, tokens: int | None, characters: int) -> None:
    """Adds a request, with its tokens as the provider counted them; None: an estimate by its characters."""
    uses = _uses.get()
    if uses is not None:
        uses.append(ModelUse(kind, model, characters // _CHARACTERS_A_TOKEN if tokens is None else tokens))
