"""The Protocol of model providers. Knows no HTTP, no provider and no run.

Its dialect is chat completions: a request is parsed JSON, a response (or each chunk of a stream) is encoded JSON, so
that the response of an upstream of this dialect is relayed byte for byte.
"""

import math
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from understudy.llm.reranking import Reranking

ChatBody = dict[str, Any]
"""The body of `POST /chat/completions` with all its parameters, unknown ones included."""


class ModelCard(msgspec.Struct, frozen=True):
    """One model of a provider, as listed by `GET /models`. `created` is in Unix seconds."""

    id: str
    created: int
    owned_by: str


class Provider(Protocol):
    """Every method raises UpstreamError, with the provider's own message and never its key."""

    name: str

    async def complete(self, body: ChatBody) -> bytes:
        """The encoded `chat.completion`. `body["model"]` is the provider's own id of the model."""
        ...

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncIterator[Sequence[bytes]]:
        """Batches of encoded `chat.completion.chunk` objects, in order, as they arrive.

        Without framing and `[DONE]`. The stream ends by `deadline`, a time of the event loop. An error in the stream
        is raised, never yielded.
        """
        ...

    async def embed(self, body: ChatBody) -> bytes:
        """The encoded list of embeddings for the body of `POST /embeddings`."""
        ...

    async def models(self) -> Sequence[ModelCard]: ...

    async def close(self) -> None: ...


@runtime_checkable
class UnlistedProvider(Protocol):
    """A provider whose models only the settings name."""

    async def check(self) -> None:
        """Returns if the provider accepts the key."""
        ...


@runtime_checkable
class RerankingProvider(Protocol):
    """A provider with a `POST /rerank`."""

    name: str

    async def rerank(self, body: dict[str, Any]) -> Reranking:
        """The scores of `documents` in order, from 0 to 1, for `query` and `model`."""
        ...


@runtime_checkable
class MessagesProvider(Protocol):
    """A provider that accepts and returns the bodies of `POST /messages` unchanged.

    `betas` is the value of the `anthropic-beta` header, or empty.
    """

    async def message(self, body: dict[str, Any], betas: str) -> bytes:
        """The encoded message."""
        ...

    def message_stream(
        self, body: dict[str, Any], betas: str, deadline: float = math.inf
    ) -> AsyncIterator[Sequence[bytes]]:
        """Batches of framed events of the message, in order, as they arrive."""
        ...

    async def count_tokens(self, body: dict[str, Any], betas: str) -> int: ...
