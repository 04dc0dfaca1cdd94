"""Child processes that are started by a caller who does not wait for them."""

import asyncio
import contextlib
import gc
import os
import secrets
import warnings
from pathlib import Path

import pytest

from understudy.child_processes import kill, start_python


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
