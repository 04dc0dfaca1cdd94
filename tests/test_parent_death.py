"""Child processes that work on strangers' files end with the server that started them, however that one ends."""

import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from waiting import eventually

PATIENCE = 60.0
READS = """
from understudy.retrieval.children import ChildPool
from understudy.retrieval.messages import Extract
async def work(path):
    async with ChildPool(1, 1 << 30).lease() as child:
        await child.request(Extract(path, "a.html", path + ".out", 1 << 30), 600)
"""
DRAWS = """
from pathlib import Path
from understudy.media.provider import Job
from understudy.media.rehearsal import RehearsalRenderer
class Progress:
    async def dreaming(self): pass
async def work(path):
    job = Job(id="a", model="ray-2", prompt="x", aspect_ratio="1:1", resolution="4k", seconds=10, loop=False, expand=False, concepts=())
    await RehearsalRenderer(memory=2 << 30, seconds=600).generate(job, Path(path).parent, Progress())
"""
MODULES = {"understudy.retrieval.child": READS, "understudy.media.storyboard.child": DRAWS}


@pytest.mark.parametrize("module", MODULES)
def test_a_child_at_work_dies_with_a_killed_server(module, tmp_path):
    """A stopped one notices nothing by itself: neither the end of its input nor that nobody wants its answer."""
    document = tmp_path / "document"
    document.write_bytes(b"<p>x</p>" * (1 << 19))
    program = f"import asyncio, sys\n{MODULES[module]}\nasyncio.run(work(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", program, str(document)]) as server:
        try:
            child = eventually(lambda: _child_at_work(server, module), within=PATIENCE)
            child.suspend()
        finally:
            server.kill()
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, within=PATIENCE)


def _child_at_work(server, module):
    """Once it has made itself less important than others, which it does after it has tied itself to its server."""
    for child in psutil.Process(server.pid).children():
        with suppress(psutil.Error):
            if module in child.cmdline() and child.nice() > psutil.Process(server.pid).nice():
                return child
    return None


@pytest.mark.parametrize("module", MODULES)
def test_a_child_whose_server_died_before_its_start_ends_at_once(module):
    arguments = [str(1 << 30)] if module.startswith("understudy.retrieval") else []
    command = [sys.executable, "-m", module, *arguments, str(os.getppid())]
    started = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, timeout=PATIENCE, check=False)
    assert (started.returncode, started.stdout) == (1, b"")
