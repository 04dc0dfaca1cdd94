"""The lines of batches that have not ended, as entries of our own export: written from the store, and read again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from understudy.engine.jobs.batch_output import is_success
from understudy.importing.objects import SpooledObjects
from understudy.importing.streams import DamagedStream
from understudy.store.batch_jobs import BatchJobs, Line

_PAGE: Final = 16
"""Answers may be large."""
_MAX_LINE: Final = 64 << 20
_MAX_CUSTOM_ID: Final = 4096


class _Entry(Struct, array_like=True):
    """As in the store; `custom_id` and `answer` are JSON. A line is done if it has a `status_code`."""

    line: int
    custom_id: Raw
    request_id: Annotated[str, Meta(max_length=256)] | None
    status_code: Annotated[int, Meta(ge=100, le=599)] | None
    answer: Raw


_decode = msgspec.json.Decoder(_Entry).decode


async def render_lines(work: BatchJobs, seq: int) -> AsyncIterator[bytes]:
    """All lines of a batch, in portions of a few."""
    after = 0
    while lines := await work.lines(seq, after, _PAGE):
        yield b"".join([_render_line(line) for line in lines])
        after = lines[-1].line
        await asyncio.sleep(0)


def _render_line(line: Line) -> bytes:
    answer = "null" if line.answer is None else line.answer
    entry = _Entry(line.line, Raw(line.custom_id.encode()), line.request_id, line.status_code, Raw(answer.encode()))
    return msgspec.json.encode(entry) + b"\n"


class BatchLines:
    """The lines of an entry, counted as they are read. `problem` says why not all were read, or is None."""

    def __init__(self, spool: SpooledObjects, name: str) -> None:
        self._spool = spool
        self._name = name
        self.completed = 0
        self.failed = 0
        self.problem: str | None = None

    async def read(self) -> AsyncGenerator[Line, None]:
        """A malformed line ends the reading: what is after it is not known to be lines."""
        try:
            content = await asyncio.to_thread(self._spool.open_blob, self._name)
            if content is None:
                self.problem = f"The input has no {self._name!r}, which has its finished lines."
                return
            with content:
                while encoded := await asyncio.to_thread(content.readline, _MAX_LINE):
                    line = _parse(encoded)
                    if line.answer is not None:
                        self.completed += is_success(line)
                        self.failed += not is_success(line)
                    yield line
        except (DamagedStream, msgspec.DecodeError, ValueError, RecursionError) as error:
            self.problem = f"Its lines are damaged: {error}"


def _parse(encoded: bytes) -> Line:
    """Raises ValueError, and what decoding raises."""
    entry = _decode(encoded)
    custom_id = bytes(entry.custom_id)
    if len(custom_id) > _MAX_CUSTOM_ID:
        raise ValueError("a custom_id is too long")
    answer = None if entry.status_code is None else bytes(entry.answer).decode()
    return Line(entry.line, custom_id.decode(), entry.request_id, entry.status_code, answer)
