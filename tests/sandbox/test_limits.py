"""Code over its limits of time, memory, disk or processes: the session survives and reports what it lost."""

import asyncio
import time

import psutil
import pytest

from sandbox.sandbox_runs import WAIT, ok, once, run, until
from understudy import telemetry
from understudy.errors import SandboxFull
from understudy.tools.sandbox import Error

FOREVER = "while True: pass"
DEAF = """
import time
while True:
    try:
        time.sleep(0.05)
    except BaseException:
        continue
"""


async def test_an_endless_loop_is_interrupted_and_loses_nothing(new_sandbox):
    session = await (await new_sandbox(cell_seconds=0.5)).open("endless")
    await ok(session, "kept = 7")
    ran = await run(session, FOREVER)
    assert ran.status == "timed_out"
    assert ran.ended.lost == "nothing"
    assert (
        ran.ended.text == "The code ran for more than 0.5 seconds and was stopped. Variables and files are preserved."
    )
    assert ran.error.name == "KeyboardInterrupt"
    assert await ok(session, "kept") == "7"


async def test_code_that_ignores_an_interrupt_loses_its_variables_but_not_its_files(new_sandbox):
    session = await (await new_sandbox(cell_seconds=0.5, interrupt_seconds=0.5)).open("deaf")
    await ok(session, "kept = 7; open('kept.txt', 'w').write('here')")
    ran = await run(session, DEAF)
    assert ran.status == "timed_out"
    assert ran.ended.lost == "variables"
    assert "the files in /mnt/data are preserved" in ran.ended.text
    assert await ok(session, "open('kept.txt').read()") == "'here'"
    assert (await run(session, "kept")).error.name == "NameError"


async def test_a_kernel_that_dies_is_replaced_and_a_note_reports_it(session):
    await ok(session, "kept = 7; open('kept.txt', 'w').write('here')")
    ran = await run(session, "import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert ran.status == "died"
    assert ran.ended.lost == "variables"
    assert "It crashed" in ran.ended.text
    assert await ok(session, "open('kept.txt').read()") == "'here'"


async def test_a_kernel_that_dies_between_two_cells_is_reported_by_the_next_cell(session):
    def kernels():
        (relay,) = psutil.Process(session._kernel._inner.pid).children()
        return relay.children()

    (kernel,) = kernels()
    kernel.kill()
    await until(lambda: kernels() not in ([], [kernel]))
    ran = await run(session, "1 + 1")
    assert ran.status == "ok"
    (note,) = ran.notes
    assert note.lost == "variables"
    assert "most likely because memory ran out" in note.text


async def test_closing_the_generator_stops_the_code_at_once(session):
    said = session.execute("i = 0\nprint('started', flush=True)\nwhile True: i += 1")
    await anext(said)
    began = time.monotonic()
    await said.aclose()
    assert time.monotonic() - began < 0.5
    reached = int(await ok(session, "i"))
    assert int(await ok(session, "i")) == reached, "it still runs"


async def test_cancelling_the_consumer_stops_the_code_at_once(session):
    task = asyncio.create_task(run(session, "open('begun', 'w').close()\n" + FOREVER))
    await until(session.list)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ok(session, "'free again'") == "'free again'"


async def test_interrupting_ends_the_code_and_loses_nothing(session):
    said = session.execute("kept = 7\nprint('started', flush=True)\n" + FOREVER)
    await anext(said)
    await session.interrupt()
    outputs = [output async for output in said]
    assert outputs[-1].status == "interrupted"
    assert outputs[-1].lost == "nothing"
    assert await ok(session, "kept") == "7"


async def test_interrupting_reaches_programs_that_the_code_started(session):
    said = session.execute("import subprocess\nprint('started', flush=True)\nsubprocess.run(['sleep', '60'])")
    await anext(said)
    await session.interrupt()
    async with asyncio.timeout(WAIT):
        outputs = [output async for output in said]
    assert outputs[-1].status == "interrupted"
    assert outputs[-1].lost == "nothing"


async def test_interrupting_where_nothing_runs_does_nothing(session):
    await session.interrupt()
    assert await ok(session, "1") == "1"


async def test_memory_for_one_process_ends_in_a_memory_error(session):
    ran = await run(session, "kept = 7\ntoo_much = bytearray(1 << 30)")
    assert ran.error.name == "MemoryError"
    assert await ok(session, "kept") == "7"


async def test_memory_of_all_processes_together_is_limited(session):
    code = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = b'x' * (150 << 20)
        time.sleep(60)
time.sleep(60)
"""
    ran = await run(session, code)
    assert ran.status == "died"
    assert ran.ended.lost == "variables"
    assert "exceeded the limit of 512 MiB of memory" in ran.ended.text
    assert await ok(session, "1") == "1"


async def test_memory_that_would_be_part_of_no_process_is_refused(session):
    """Written, and then out of the process by MADV_DONTNEED, it would still be taken, and be counted nowhere."""
    assert (await run(session, "import mmap\nmmap.mmap(-1, 1 << 20)")).error.name == "PermissionError"
    ran = await run(session, "import os\nzero = os.open('/dev/zero', os.O_RDWR)\nmmap.mmap(zero, 1 << 20)")
    assert ran.error.name == "OSError"
    assert await ok(session, "os.read(zero, 3)") == r"b'\x00\x00\x00'"


async def test_memory_that_is_shared_by_way_of_a_file_works(session):
    code = """
import multiprocessing, numpy
numbers = multiprocessing.Array('i', 4)
def fill(n): numbers[n] = n * n
workers = [multiprocessing.get_context('fork').Process(target=fill, args=(n,)) for n in range(4)]
for worker in workers: worker.start()
for worker in workers: worker.join()
array = numpy.memmap('array.bin', mode='w+', shape=(4,), dtype='int32')
array[:] = numbers[:]
array.flush()
numpy.fromfile('array.bin', dtype='int32').tolist()
"""
    assert await ok(session, code) == "[0, 1, 4, 9]"


async def test_exceeding_the_socket_limit_restarts_the_kernel(session, events):
    code = "import socket, time\nheld = [socket.socketpair() for _ in range(90)]\ntime.sleep(60)"
    ran = await run(session, code)
    assert ran.status == "died"
    assert ran.ended.lost == "variables"
    assert "exceeded the limit of 128 sockets" in ran.ended.text
    assert telemetry.KernelStopped(reason="sockets") in events
    assert await ok(session, "1") == "1"


async def test_a_full_disk_raises_an_error_in_that_session_only(session, shared):
    for place in ("/mnt/data/big", "/tmp/big", "/dev/shm/big", "/run/big"):
        code = f"with open({place!r}, 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))"
        ran = await run(session, code)
        assert ran.error.name == "OSError", ran.outputs
        assert "No space left" in ran.error.message or "too large" in ran.error.message
    with pytest.raises(SandboxFull):
        await session.put("more.bin", once(b"x" * (1 << 20)))
    assert [file.name for file in await session.list()] == ["big"]
    assert await ok(shared, "1") == "1"
    assert await ok(session, "import os\nos.remove('/mnt/data/big')\nopen('small', 'w').write('fits')") == "4"


async def test_a_fork_bomb_hits_the_limit_of_processes(session, shared):
    ran = await run(session, "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)")
    assert ran.error.name == "BlockingIOError"
    assert await ok(shared, "1") == "1"
    # Nothing can be started any more, until the kernel is replaced with all that it has started.
    assert (await run(session, "import os\nos.fork()")).error.name == "BlockingIOError"
    ran = await run(session, "import os\nos._exit(1)")
    assert ran.status == "died"
    assert await ok(session, "import os\npid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)[1]") == "0"


async def test_a_fork_bomb_ends_with_its_cell(new_sandbox):
    session = await (await new_sandbox(cell_seconds=1, interrupt_seconds=0.5)).open("bomb")
    code = "import os\nwhile True:\n    try: os.fork()\n    except BaseException: pass"
    ran = await run(session, code)
    assert ran.status == "timed_out"
    assert ran.ended.lost == "variables"
    assert await ok(session, "1 + 1") == "2"


async def test_threads_count_as_processes(session):
    code = (
        "import threading\nfor _ in range(1000): threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    assert (await run(session, code)).error.name == "RuntimeError"


async def test_processor_time_is_limited(new_sandbox):
    session = await (await new_sandbox(cpu_seconds=1)).open("cpu")
    ran = await run(session, FOREVER)
    assert ran.status == "died"
    assert "processor time" in ran.ended.text
    assert await ok(session, "1") == "1"


async def test_processor_time_of_child_processes_counts_for_the_limit(new_sandbox):
    session = await (await new_sandbox(cpu_seconds=1)).open("cpu of children")
    code = "import subprocess, sys\nfor _ in range(20): subprocess.run([sys.executable, '-c', 'for _ in range(10_000_000): pass'])"
    ran = await run(session, code)
    assert ran.status == "died"
    assert "processor time" in ran.ended.text


async def test_open_files_are_limited(session):
    ran = await run(session, "held = [open('/dev/null') for _ in range(10_000)]")
    assert ran.error.name == "OSError"
    assert "Too many open files" in ran.error.message


async def test_too_many_files_end_the_session_whole(session):
    first = session.id
    await ok(session, "open('file', 'w').close()")
    ran = await run(session, "import time\nfor n in range(60_000): open(f'{n}', 'w').close()\ntime.sleep(60)")
    assert ran.status == "died"
    assert ran.ended.lost == "everything"
    assert "exceeded the limit of 50000 files" in ran.ended.text
    assert await ok(session, "import os\nos.listdir()") == "[]"
    assert session.id != first


async def test_a_flood_of_output_is_read_to_its_end(session, settings):
    ran = await run(session, "for _ in range(200): print('x' * 100_000)")
    assert ran.status == "ok"
    assert len(ran.text) == settings.output_bytes


async def test_errors_that_the_code_makes_up_are_limited_too(session):
    code = """
import ipykernel.kernelapp
app = ipykernel.kernelapp.IPKernelApp.instance()
parent = app.kernel.get_parent()
for _ in range(100):
    app.session.send(app.iopub_socket, 'error', {'ename': 'x', 'evalue': 'y' * 60_000, 'traceback': ['z' * 60_000]}, parent=parent)
"""
    ran = await run(session, code)
    assert len([one for one in ran.outputs if isinstance(one, Error)]) == 1
    assert await ok(session, "1") == "1"


async def test_a_figure_that_exceeds_the_size_limit_returns_no_image(session):
    code = "import matplotlib.pyplot as plt\nplt.figure(figsize=(400, 400), dpi=400)\nplt.plot([1, 2])\nplt.show()"
    ran = await run(session, code)
    assert ran.images == []
    assert await ok(session, "1") == "1"


async def test_limits_cannot_be_raised_again(session):
    code = """
import resource
names = ("RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CPU", "RLIMIT_CORE")
raised = []
for name in names:
    kind = getattr(resource, name)
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, PermissionError):
        continue
    raised.append(name)
raised
"""
    assert await ok(session, code) == "[]"


async def test_unread_output_does_not_accumulate_in_host_memory(session):
    before = psutil.Process().memory_info().rss
    said = session.execute("while True: print('x' * 100_000)")
    await anext(said)
    await asyncio.sleep(1)  # the time in which it could
    await said.aclose()
    assert psutil.Process().memory_info().rss - before < 50 << 20
