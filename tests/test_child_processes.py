"""Child processes that are started by a caller who does not wait for them."""

import asyncio
import contextlib
import gc
import os
import secrets
import warnings
from pathlib import Path

import pytest
import uvloop

from understudy.child_processes import kill, start_python
from waiting import WITHIN


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_start_leaves_no_process_and_no_open_pipe(turns):
    token = secrets.token_hex(16)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        starting = asyncio.create_task(start_python("-c", f"input() # {token}", environment=dict(os.environ)))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await asyncio.sleep(0)
        gc.collect()
    assert [str(one.message) for one in caught] == []
    assert not is_running(token)


def is_running(token):
    """Whether a process has the token among its arguments."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if token.encode() in file.read_bytes():
                return True
    return False


async def test_a_process_is_killed_once():
    process = await start_python("-c", "input()", environment=dict(os.environ))
    await kill(process)
    assert process.returncode == -9
    await kill(process)


def test_a_killed_process_whose_output_nobody_reads_leaves_no_open_pipe():
    async def kill_writer():
        # More than the reader buffers, which therefore never sees the end.
        process = await start_python("-c", "print('x' * 1_000_000)", environment=dict(os.environ))
        async with asyncio.timeout(WITHIN):
            while not process.stdout._paused:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.01)
        await kill(process)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(kill_writer())
        gc.collect()
    assert [str(one.message) for one in caught] == []
