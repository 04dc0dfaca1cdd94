"""A stream of encoded chunks that begins once its first content has arrived. Knows no provider."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.call_span import TracedStream
from understudy.llm.chunk_batch import ChunkBatch
from understudy.llm.payload import DECODE_ERRORS

_MAX_BUFFERED_CHUNKS: Final = 16
"""Chunks without content to buffer, so that another attempt is still possible."""


Opening = tuple[Sequence[bytes], AsyncIterator[Sequence[bytes]]]
"""The first chunks of a stream, up to its first content, and the rest."""


class Stream:
    """Batches of encoded chunks, as they arrive. Closing it closes the provider's connection.

    Not a generator, which would add a step to every delta.
    """

    def __init__(self, opening: Coroutine[Any, Any, Opening]) -> None:
        self._opening = opening
        self._remaining: AsyncIterator[Sequence[bytes]] | None = None

    def __aiter__(self) -> "Stream":
        return self

    def __anext__(self) -> Awaitable[Sequence[bytes]]:
        return self._read_opening() if self._remaining is None else self._remaining.__anext__()

    async def aclose(self) -> None:
        self._opening.close()
        if self._remaining is not None:
            await _close_stream(self._remaining)

    async def _read_opening(self) -> Sequence[bytes]:
        opening, self._remaining = await self._opening
        return opening


class WatchedStream:
    """The rest of a stream. `end` is called with the error that ended it, or with None; not if the stream is closed."""

    def __init__(self, stream: AsyncIterator[Sequence[bytes]], end: Callable[[Exception | None], None]) -> None:
        self._stream = stream
        self._end = end

    def __aiter__(self) -> "WatchedStream":
        return self

    async def __anext__(self) -> Sequence[bytes]:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._end(None)
            raise
        except Exception as error:
            self._end(error)
            raise

    async def aclose(self) -> None:
        await _close_stream(self._stream)


class _Choice(msgspec.Struct, gc=False):
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


async def read_until_content(
    stream: AsyncIterator[Sequence[bytes]], is_content: Callable[[bytes], bool]
) -> Sequence[bytes]:
    """The chunks up to the first one with content. Closes the stream on an error."""
    buffered: Sequence[bytes] = ()
    try:
        async for batch in stream:
            # The first batch is returned as it is, with what it knows of its chunks.
            buffered = [*buffered, *batch] if buffered else batch
            # A run has the form of a chunk with text before it.
            has_run = isinstance(batch, ChunkBatch) and batch.run
            if has_run or len(buffered) > _MAX_BUFFERED_CHUNKS or any(is_content(chunk) for chunk in batch):
                break
    except BaseException:
        await _close_stream(stream)
        raise
    return buffered


def has_content(chunk: bytes) -> bool:
    """Whether a chunk has more than a role, so that another attempt would repeat content."""
    try:
        parsed = _decoder.decode(chunk)
    except DECODE_ERRORS:
        raise UpstreamError("malformed", "The upstream sent a malformed chat completion chunk.") from None
    return bool(parsed.usage) or any(
        choice.finish_reason or any(value for key, value in (choice.delta or {}).items() if key != "role")
        for choice in parsed.choices or ()
    )


async def _close_stream(stream: AsyncIterator[Sequence[bytes]]) -> None:
    if isinstance(stream, AsyncGenerator | TracedStream | WatchedStream):
        await stream.aclose()
