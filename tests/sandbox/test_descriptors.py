"""Descriptors are closed exactly once, on either event loop, since a number may be reused by another file."""

import asyncio
import gc
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from sandbox.busy_files import busy_files
from sandbox.sandbox_runs import WAIT, ok, once
from understudy.clock import SystemClock
from understudy.retrieval.children import ChildPool
from understudy.retrieval.messages import Embed, Rows
from understudy.tools.sandbox import open_sandbox
from understudy.tools.sandbox.launcher import Launcher
from understudy.tools.sandbox.processes import WatchedProcess, open_stream, read_to_end

PIPES = 100
DESCRIPTORS = Path("/proc/self/fd")
loops = pytest.mark.parametrize(
    "loop",
    [
        pytest.param(asyncio.new_event_loop, id="asyncio", marks=pytest.mark.slow),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ],
)


@pytest.fixture(autouse=True)
def _freeze_objects():
    """A search for garbage looks only at what the test has made; beside the busy threads it would take long."""
    gc.collect()
    gc.freeze()


def beside_threads(loop, folder, work):
    """Runs the coroutine function beside threads that open files, of which nothing may be closed."""

    async def bounded():
        async with asyncio.timeout(WAIT):
            await work()

    with busy_files(folder) as harm:
        before = len(list(DESCRIPTORS.iterdir()))
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(bounded())
    gc.collect()
    assert harm == []
    return before


@loops
def test_a_pipe_that_was_read_is_closed_once(loop, tmp_path):
    async def work():
        for number in range(PIPES):
            reads, writes = os.pipe()
            os.write(writes, b"%d" % number)
            reading = read_to_end(reads, 100)
            os.close(writes)
            assert await reading == b"%d" % number

    beside_threads(loop, tmp_path, work)


@loops
def test_a_pipe_is_read_only_up_to_the_requested_size(loop, tmp_path):
    async def work():
        for _ in range(PIPES):
            reads, writes = os.pipe()
            os.write(writes, b"0123456789")
            assert await read_to_end(reads, 4) == b"0123"
            os.close(writes)

    beside_threads(loop, tmp_path, work)


@loops
def test_a_pipe_whose_reader_was_cancelled_is_closed_once(loop, tmp_path):
    async def work():
        for number in range(PIPES):
            reads, writes = os.pipe()
            reading = read_to_end(reads, 100)
            for _ in range(number % 3):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            with pytest.raises(BrokenPipeError):
                os.write(writes, b"x")
            os.close(writes)

    beside_threads(loop, tmp_path, work)


@loops
@pytest.mark.parametrize("turns", range(4))
def test_a_connection_cancelled_while_it_opens_is_closed_once(loop, turns, tmp_path):
    """The number may belong to a file by the time that the socket's object is thrown away."""

    async def work():
        for _ in range(5):
            ours, theirs = socket.socketpair()
            opening = asyncio.create_task(open_stream(ours))
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            (opened,) = await asyncio.gather(opening, return_exceptions=True)
            if isinstance(opened, tuple):
                opened[1].close()
            del opening, opened
            if turns:  # or else it was never begun, and the socket is still ours
                theirs.settimeout(WAIT)
                assert await asyncio.to_thread(theirs.recv, 1) == b""
            with (tmp_path / "file").open("w") as file:
                del ours
                gc.collect()
                os.fstat(file.fileno())
            theirs.close()

    beside_threads(loop, tmp_path, work)


@loops
def test_the_descriptor_of_a_process_is_closed_once(loop, tmp_path):
    async def work():
        for _ in range(20):
            started = subprocess.Popen(["/bin/true"])  # noqa: ASYNC220 - it takes no time
            watched = WatchedProcess(started.pid, os.pidfd_open(started.pid))
            await watched.wait_for_exit(WAIT)
            assert watched.gone.is_set()
            assert started.wait() == 0
            watched.kill()

    beside_threads(loop, tmp_path, work)


@loops
def test_opening_and_closing_sandboxes_does_not_close_other_descriptors(loop, tmp_path, settings):
    async def work():
        sandbox = open_sandbox(settings, SystemClock())
        for number in range(2):
            session = await sandbox.open(str(number))
            await session.put("a", once(b"12"))
            assert await ok(session, "int(open('a').read()) * 2") == "24"
            await session.close()
        opening = asyncio.create_task(sandbox.open("cancelled"))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await sandbox.stop()

    before = beside_threads(loop, tmp_path, work)
    assert len(list(DESCRIPTORS.iterdir())) <= before + 4  # the busy threads' own


@loops
def test_starting_and_killing_extraction_processes_does_not_close_other_descriptors(loop, tmp_path):
    async def work():
        children = ChildPool(1, 512 << 20)
        for _ in range(3):
            async with children.lease() as child:
                assert isinstance(await child.request(Embed(["a text"]), WAIT), Rows)
                child.kill()
        await children.close()

    beside_threads(loop, tmp_path, work)


def test_a_process_of_the_launcher_has_only_the_descriptors_passed_to_it(tmp_path):
    launcher = Launcher()
    out = tmp_path / "out"
    with out.open("w") as file:
        shown = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))), os.getcwd(), dict(os.environ))"
        command = [sys.executable, "-I", "-S", "-c", shown]
        launched = launcher.launch(command, {"A": "1"}, {1: file.fileno(), 9: file.fileno(), 5: file.fileno()})
    ended = select.poll()
    ended.register(launched.pidfd, select.POLLIN)
    assert ended.poll(WAIT * 1000)
    os.close(launched.pidfd)
    launcher.close()
    # The last one is the folder that it lists.
    assert out.read_text().startswith("[0, 1, 2, 3, 5, 9] / {'A': '1'")
