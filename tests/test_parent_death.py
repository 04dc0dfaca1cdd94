"""Child processes that work on strangers' files end with the server that started them, however that one ends."""

import os
import subprocess
import sys

import psutil
import pytest

from waiting import eventually

PATIENCE = 60.0
# Both wait for a file that nobody ever writes to.
READS = """
from understudy.retrieval.children import Children
from understudy.retrieval.messages import Extract
async def work(path):
    async with Children(1, 1 << 30).lease() as child:
        await child.ask(Extract(path, "a.txt", path + ".out", 1 << 20), 600)
"""
DRAWS = """
from pathlib import Path
from understudy.media.provider import Frame, Job
from understudy.media.rehearsal import RehearsalRenderer
class Progress:
    async def dreaming(self): pass
async def work(path):
    start = Frame("image", path=Path(path))
    job = Job(id="a", model="ray-2", prompt="x", aspect_ratio="1:1", resolution="540p", seconds=5, loop=False, expand=False, concepts=(),
              start=start, end=None)
    await RehearsalRenderer(memory=2 << 30, seconds=600).make(job, Path(path).parent, Progress())
"""
MODULES = {"understudy.retrieval.child": READS, "understudy.media.storyboard.studio": DRAWS}


@pytest.mark.parametrize("module", MODULES)
def test_a_child_at_work_dies_with_a_killed_server(module, tmp_path):
    fifo = tmp_path / "never-written"
    os.mkfifo(fifo)
    program = f"import asyncio, sys\n{MODULES[module]}\nasyncio.run(work(sys.argv[1]))"
    server = subprocess.Popen([sys.executable, "-c", program, str(fifo)])
    with server:
        try:
            child = eventually(lambda: _child(server, module), within=PATIENCE)
            eventually(lambda: _waits_for(child, fifo), within=PATIENCE)
        finally:
            server.kill()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, within=PATIENCE)


def _child(server, module):
    return next((one for one in psutil.Process(server.pid).children() if module in one.cmdline()), None)


def _waits_for(child, fifo):
    """A reader that waits in `open` is seen by a writer that does not."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("module", MODULES)
def test_a_child_whose_server_died_before_it_began_ends_at_once(module):
    arguments = [str(1 << 30)] if module.startswith("understudy.retrieval") else []
    command = [sys.executable, "-m", module, *arguments, str(os.getppid())]
    started = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, timeout=PATIENCE, check=False)
    assert (started.returncode, started.stdout) == (1, b"")
