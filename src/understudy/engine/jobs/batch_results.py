"""The result files of a batch, written from its stored lines."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from understudy.blobs import Blob
from understudy.clock import Clock
from understudy.engine.files import BlobDraft, new_file
from understudy.engine.jobs import batch_output
from understudy.engine.jobs.batch_output import UnfinishedReason
from understudy.store.batch_jobs import BatchClaim, BatchJobs, Line, Output
from understudy.store.batches import Job
from understudy.wire.files import FileObject

# Answers may be large, and so many are held at a time.
_WRITE_CHUNK: Final = 16


class ResultWriter:
    def __init__(self, work: BatchJobs, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def write_anthropic(self, claimed: BatchClaim, draft: BlobDraft, unfinished: UnfinishedReason) -> Output:
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            async for line in lines:
                await draft.write(batch_output.render_anthropic_line(line, unfinished))
        return Output(results=(await draft.commit()).name)

    async def write_openai(
        self, claimed: BatchClaim, good: BlobDraft, bad: BlobDraft, unfinished: UnfinishedReason
    ) -> Output:
        succeeded = failed = 0
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            async for line in lines:
                row = batch_output.render_openai_line(line, unfinished)
                if batch_output.is_success(line):
                    succeeded += 1
                    await good.write(row)
                else:
                    failed += 1
                    await bad.write(row)
        job = claimed.batch.job
        output = self._make_file(job, "output", await good.commit()) if succeeded else None
        errors = self._make_file(job, "error", await bad.commit()) if failed else None
        return Output(output, errors)

    def _make_file(self, job: Job, kind: str, blob: Blob) -> tuple[FileObject, str]:
        now = int(self._clock.now())
        file = new_file(f"{job.id}_{kind}.jsonl", "batch_output", blob.size, now, job.output_seconds)
        return file, blob.name

    async def _iterate_lines(self, seq: int) -> AsyncGenerator[Line, None]:
        after = 0
        while lines := await self._work.lines(seq, after, _WRITE_CHUNK):
            for line in lines:
                yield line
            after = lines[-1].line
            await asyncio.sleep(0)
