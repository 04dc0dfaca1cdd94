"""Reads the answer to a stream request and hands on its chunks. Knows no dialect: a Teller turns events into chunks."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import closing
from typing import Final, Protocol

from understudy.errors import UpstreamError
from understudy.llm import sse
from understudy.llm.connection import BODY_LIMIT, Answer

MISREAD: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a value of an unexpected type raises."""

logger = logging.getLogger(__name__)


class Teller(Protocol):
    """One stream's progress. Every method raises what the upstream reports as UpstreamError."""

    done: bool
    """The upstream has said all that it will say."""

    def accept(self, event: sse.Event) -> Sequence[bytes]:
        """The encoded chunks that the event tells."""
        ...

    def end(self) -> Sequence[bytes]:
        """What is left to tell at the end of the stream. Raises where the stream is not whole."""
        ...

    def whole(self, data: bytes) -> Sequence[bytes]:
        """The chunks of an answer that came in one piece of JSON, as some servers send it."""
        ...


async def chunks(start: Callable[[], Awaitable[Answer]], teller: Teller) -> AsyncGenerator[Sequence[bytes], None]:
    """The chunks as they come, those of one read together. Closing the generator closes the upstream's connection."""
    with closing(await start()) as answer:
        data = await answer.more()
        if data.lstrip()[:1] in (b"{", b"[", b"<"):  # no stream, whatever its content type says
            yield _whole(teller, await answer.read(data))
            return
        reader = sse.Reader()
        size = 0
        while data or not answer.at_end:
            size += len(data)
            if size > BODY_LIMIT:
                raise UpstreamError("malformed", f"The upstream sent a stream of more than {BODY_LIMIT} bytes.")
            told: list[bytes] = []
            try:
                for event in reader.feed(data):
                    told += teller.accept(event)
            except MISREAD as error:
                raise misread(error) from None
            finally:
                # What came before a fault was said all the same.
                if told:
                    yield told
            if teller.done:
                await answer.linger()
                break
            while not (data := answer.take()) and not answer.at_end:
                await answer.wait()
        if rest := _rest(reader, teller):
            yield rest


def broke_off() -> UpstreamError:
    return UpstreamError("unreachable", "The upstream's stream broke off before it was finished.")


def misread(error: Exception) -> UpstreamError:
    """For an answer whose members have types that nobody expected; the cause goes to the log."""
    logger.warning("a provider's answer could not be read", exc_info=error)
    return UpstreamError("malformed", "The upstream sent an answer with members of unexpected types.")


def _whole(teller: Teller, data: bytes) -> Sequence[bytes]:
    try:
        return teller.whole(data)
    except MISREAD as error:
        raise misread(error) from None


def _rest(reader: sse.Reader, teller: Teller) -> list[bytes]:
    try:
        return [*_cut_off(reader, teller), *teller.end()]
    except MISREAD as error:
        raise misread(error) from None


def _cut_off(reader: sse.Reader, teller: Teller) -> Sequence[bytes]:
    """The chunks of a last event without its blank line; none where it was cut in its middle."""
    try:
        return [chunk for event in reader.close() for chunk in teller.accept(event)]
    except UpstreamError as error:
        if error.kind == "malformed":
            return ()
        raise
