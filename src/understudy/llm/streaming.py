"""Reads the answer to a stream request and hands on its chunks. Knows no dialect: a StreamTranslator maps events."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import closing
from typing import Final, Protocol

from understudy.errors import UpstreamError
from understudy.llm.connection import MAX_BODY_BYTES, UpstreamResponse
from understudy.net import sse

SHAPE_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value of an unexpected type raises."""

logger = logging.getLogger(__name__)


class StreamTranslator(Protocol):
    """One stream's progress. Every method raises what the upstream reports as UpstreamError."""

    done: bool
    """The upstream has said all that it will say."""

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        """The encoded chunks that the event tells."""
        ...

    def finish(self) -> Sequence[bytes]:
        """What is left to tell at the end of the stream. Raises where the stream is not whole."""
        ...

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        """The chunks of an answer that came in one piece of JSON, as some servers send it."""
        ...


async def chunks(
    start: Callable[[], Awaitable[UpstreamResponse]], teller: StreamTranslator
) -> AsyncGenerator[Sequence[bytes], None]:
    """The chunks as they come, those of one read together. Closing the generator closes the upstream's connection."""
    with closing(await start()) as answer:
        data = await answer.read_chunk()
        if data.lstrip()[:1] in (b"{", b"[", b"<"):  # no stream, whatever its content type says
            yield _translate_whole(teller, await answer.read(data))
            return
        reader = sse.Reader()
        size = 0
        while data or not answer.at_eof:
            size += len(data)
            if size > MAX_BODY_BYTES:
                raise UpstreamError("malformed", f"The upstream sent a stream of more than {MAX_BODY_BYTES} bytes.")
            told: list[bytes] = []
            try:
                for event in reader.feed(data):
                    told += teller.translate(event)
            except SHAPE_ERRORS as error:
                raise unexpected_shape(error) from None
            finally:
                # What came before a fault was said all the same.
                if told:
                    yield told
            if teller.done:
                await answer.drain()
                break
            while not (data := answer.read_available()) and not answer.at_eof:
                await answer.wait_readable()
        if rest := _finish_stream(reader, teller):
            yield rest


def stream_broken() -> UpstreamError:
    return UpstreamError("unreachable", "The upstream's stream broke off before it was finished.")


def unexpected_shape(error: Exception) -> UpstreamError:
    """For an answer whose members have types that nobody expected; the cause goes to the log."""
    logger.warning("a provider's answer could not be read", exc_info=error)
    return UpstreamError("malformed", "The upstream sent an answer with members of unexpected types.")


def _translate_whole(teller: StreamTranslator, data: bytes) -> Sequence[bytes]:
    try:
        return teller.translate_whole(data)
    except SHAPE_ERRORS as error:
        raise unexpected_shape(error) from None


def _finish_stream(reader: sse.Reader, teller: StreamTranslator) -> list[bytes]:
    try:
        return [*_translate_truncated(reader, teller), *teller.finish()]
    except SHAPE_ERRORS as error:
        raise unexpected_shape(error) from None


def _translate_truncated(reader: sse.Reader, teller: StreamTranslator) -> Sequence[bytes]:
    """The chunks of a last event without its blank line; none where it was cut in its middle."""
    try:
        return [chunk for event in reader.close() for chunk in teller.translate(event)]
    except UpstreamError as error:
        if error.kind == "malformed":
            return ()
        raise
