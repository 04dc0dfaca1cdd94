"""The result files of a batch, written from its stored lines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from understudy.blobs import Blob
from understudy.clock import Clock
from understudy.engine.files import BlobDraft, new_file
from understudy.engine.jobs import batch_output
from understudy.engine.jobs.batch_output import UnfinishedReason
from understudy.store.batch_jobs import BatchClaim, BatchJobs, Line, Output
from understudy.store.batches import Job
from understudy.store.qualified_ids import SEPARATOR
from understudy.wire.files import FileObject

# Answers may be large, and so many are held at a time.
_WRITE_CHUNK: Final = 16


class ResultWriter:
    """Writes the results of a batch that this server has executed."""

    def __init__(self, work: BatchJobs, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def write_anthropic(self, claimed: BatchClaim, draft: BlobDraft, unfinished: UnfinishedReason) -> Output:
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            return await write_anthropic(lines, draft, unfinished)

    async def write_openai(
        self, claimed: BatchClaim, good: BlobDraft, bad: BlobDraft, unfinished: UnfinishedReason
    ) -> Output:
        now = int(self._clock.now())
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            return await write_openai(claimed.batch.job, lines, good, bad, unfinished, now)

    async def _iterate_lines(self, seq: int) -> AsyncGenerator[Line, None]:
        after = 0
        while lines := await self._work.lines(seq, after, _WRITE_CHUNK):
            for line in lines:
                yield line
            after = lines[-1].line
            await asyncio.sleep(0)


async def write_anthropic(lines: AsyncIterator[Line], draft: BlobDraft, unfinished: UnfinishedReason) -> Output:
    async for line in lines:
        await draft.write(batch_output.render_anthropic_line(line, unfinished))
    return Output(results=(await draft.commit()).name)


async def write_openai(
    job: Job, lines: AsyncIterator[Line], good: BlobDraft, bad: BlobDraft, unfinished: UnfinishedReason, now: int
) -> Output:
    """A file of the lines that succeeded, and one of all others; none without a line."""
    succeeded = failed = 0
    async for line in lines:
        row = batch_output.render_openai_line(line, unfinished)
        if batch_output.is_success(line):
            succeeded += 1
            await good.write(row)
        else:
            failed += 1
            await bad.write(row)
    output = _make_file(job, "output", await good.commit(), now) if succeeded else None
    errors = _make_file(job, "error", await bad.commit(), now) if failed else None
    return Output(output, errors)


def _make_file(job: Job, kind: str, blob: Blob, now: int) -> tuple[FileObject, str]:
    name = f"{job.id.partition(SEPARATOR)[0]}_{kind}.jsonl"
    return new_file(name, "batch_output", blob.size, now, job.output_seconds), blob.name
