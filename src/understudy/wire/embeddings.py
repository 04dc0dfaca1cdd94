"""Embeddings. Source: operation createEmbedding."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from understudy.wire.tools import LARGEST_INTEGER

Text = Annotated[str, Meta(min_length=1)]
Token = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Tokens = Annotated[list[Token], Meta(min_length=1, max_length=300_000)]


class EmbeddingOptions(Struct, kw_only=True):
    """What this server itself looks at; members beside these are for the provider."""

    input: Text | Annotated[list[Text | Token | Tokens], Meta(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.input, list) and len({type(item) for item in self.input}) > 1:
            raise ValueError("expected 'input' to be a text, texts, tokens or arrays of tokens, but got a mixture")


class CreateEmbeddingRequest(EmbeddingOptions, kw_only=True):
    model: Text


class Embedding(Struct, kw_only=True):
    """`embedding` is base64 of little-endian float32 if requested."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class CreateEmbeddingResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Any
