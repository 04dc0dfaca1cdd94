"""What a model provider is to the rest of the program. Knows no HTTP, no provider and no run.

The common language is the chat completions dialect: a request body as parsed JSON, and an answer (or the
chunks of a stream) as encoded JSON, so that an upstream that speaks this dialect is relayed byte for byte.
"""

import math
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

ChatBody = dict[str, Any]
"""The body of `POST /chat/completions`, every parameter kept, unknown ones too."""


class ModelCard(msgspec.Struct, frozen=True):
    """One model that a provider offers, as `GET /models` lists it. `created` is in Unix seconds."""

    id: str
    created: int
    owned_by: str


class Provider(Protocol):
    """Raises UpstreamError from every method, with the provider's own message and never its key."""

    name: str

    async def complete(self, body: ChatBody) -> bytes:
        """The `chat.completion` object, encoded. `body["model"]` is the provider's own id of the model."""
        ...

    def stream(self, body: ChatBody, deadline: float = math.inf) -> AsyncIterator[Sequence[bytes]]:
        """The `chat.completion.chunk` objects, each encoded, in order; those that came together in one sequence.

        No framing, no `[DONE]`. `deadline` is the time of the event loop at which it must be over.
        A fault that the upstream reports inside the stream is raised, never yielded.
        """
        ...

    async def embed(self, body: ChatBody) -> bytes:
        """The list of embeddings for the body of `POST /embeddings`, encoded."""
        ...

    async def models(self) -> Sequence[ModelCard]: ...

    async def close(self) -> None: ...


@runtime_checkable
class MessagesProvider(Protocol):
    """A provider that takes the body of `POST /messages` as it is, and answers it as it is.

    `betas` is the `anthropic-beta` header that came with it, empty where there was none.
    """

    async def message(self, body: dict[str, Any], betas: str) -> bytes:
        """The message, encoded."""
        ...

    def message_stream(
        self, body: dict[str, Any], betas: str, deadline: float = math.inf
    ) -> AsyncIterator[Sequence[bytes]]:
        """The events of the message, each framed, in order; those that came together in one sequence."""
        ...

    async def count_tokens(self, body: dict[str, Any], betas: str) -> int: ...
