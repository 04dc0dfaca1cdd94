"""How a file is cut into chunks: what a request may ask for, and what a file shows."""

from typing import Annotated

from msgspec import Meta, Struct


class StaticChunkingStrategy(Struct, forbid_unknown_fields=True):
    """Sizes in tokens."""

    max_chunk_size_tokens: Annotated[int, Meta(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Meta(ge=0, le=2048)]

    def __post_init__(self) -> None:
        if self.chunk_overlap_tokens * 2 > self.max_chunk_size_tokens:
            raise ValueError(
                "expected 'chunk_overlap_tokens' to be at most half of 'max_chunk_size_tokens', which is"
                f" {self.max_chunk_size_tokens // 2}, but got {self.chunk_overlap_tokens} instead"
            )


class AutoChunkingStrategyRequestParam(Struct, forbid_unknown_fields=True, tag_field="type", tag="auto"):
    pass


class StaticChunkingStrategyRequestParam(Struct, forbid_unknown_fields=True, tag_field="type", tag="static"):
    static: StaticChunkingStrategy


ChunkingStrategyRequestParam = AutoChunkingStrategyRequestParam | StaticChunkingStrategyRequestParam


class StaticChunkingStrategyResponseParam(Struct, forbid_unknown_fields=True, tag_field="type", tag="static"):
    static: StaticChunkingStrategy


def resolve_chunking(given: ChunkingStrategyRequestParam | None) -> StaticChunkingStrategyResponseParam:
    """What a file is chunked by and shows; `auto` is a choice of sizes, too."""
    if isinstance(given, StaticChunkingStrategyRequestParam):
        return StaticChunkingStrategyResponseParam(given.static)
    return StaticChunkingStrategyResponseParam(StaticChunkingStrategy(800, 400))
