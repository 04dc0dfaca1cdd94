"""How sessions come and go: their time, their number, and what waits for them."""

import asyncio

import psutil
import pytest

from clocks import StillClock
from sandbox.sandbox_runs import WAIT, ok, once, run, until
from understudy import telemetry
from understudy.errors import SandboxError


@pytest.fixture
def clock():
    return StillClock(1_000_000.0)


async def test_a_key_finds_its_session_until_that_ends(new_sandbox):
    sandbox = await new_sandbox()
    assert sandbox.find("a") is None
    first = await sandbox.open("a")
    await ok(first, "x = 1")
    again = await sandbox.open("a")
    assert again is first is sandbox.find("a")
    assert await ok(again, "x") == "1"
    other = await sandbox.open("b")
    assert other.id != first.id
    assert (await run(other, "x")).error.name == "NameError"


async def test_an_unused_session_ends_after_its_idle_time(new_sandbox, clock, events):
    sandbox = await new_sandbox(clock, idle_seconds=1200)
    session = await sandbox.open("a")
    clock.time += 1000
    await ok(session, "1")
    assert session.expires_at == clock.time + 1200
    clock.time += 1199
    assert sandbox.find("a") is session
    clock.time += 1
    assert sandbox.find("a") is None
    await sandbox._sessions.sweep()
    assert session.ended
    assert events[-1] == telemetry.KernelStopped(reason="expired")
    with pytest.raises(SandboxError, match="has ended"):
        await run(session, "1")
    new = await sandbox.open("a")
    assert new.id != session.id


async def test_two_who_replace_an_expired_session_get_one(new_sandbox, clock):
    sandbox = await new_sandbox(clock, idle_seconds=100)
    session = await sandbox.open("a")
    clock.time += 100
    first, second = await asyncio.gather(sandbox.open("a"), sandbox.open("a"))
    assert session.ended
    assert first is second
    assert sandbox.count_sessions() == 1


async def test_every_session_ends_after_its_whole_time(new_sandbox, clock):
    sandbox = await new_sandbox(clock, session_seconds=3600)
    session = await sandbox.open("a")
    for _ in range(3):
        clock.time += 1000
        await ok(session, "1")
    clock.time += 600
    assert sandbox.find("a") is None


async def test_code_that_runs_is_use(new_sandbox, clock):
    sandbox = await new_sandbox(clock, idle_seconds=100, session_seconds=1000)
    session = await sandbox.open("a")
    said = session.execute("print('started', flush=True)\nwhile True: pass")
    await anext(said)
    clock.time += 500
    await sandbox._sessions.sweep()
    assert not session.ended
    clock.time += 500
    await sandbox._sessions.sweep()
    assert session.ended
    outputs = [output async for output in said]
    assert outputs[-1].status == "died"
    assert outputs[-1].lost == "everything"


async def test_closing_a_session_ends_all_of_its_processes(new_sandbox):
    sandbox = await new_sandbox()
    session = await sandbox.open("a")
    inside = psutil.Process(session._kernel._inner.pid)
    everything = [inside, *inside.children(recursive=True)]
    await session.close()
    assert not any(process.is_running() for process in everything)  # not even as a zombie
    assert sandbox.find("a") is None


async def test_the_session_that_was_unused_for_the_longest_makes_room(new_sandbox, clock, events):
    sandbox = await new_sandbox(clock, sessions=2)
    sessions = {}
    for key in ("a", "b"):
        clock.time += 1
        sessions[key] = await sandbox.open(key)
    clock.time += 1
    await ok(sessions["a"], "1")
    await sandbox.open("c")
    assert sandbox.find("b") is None
    assert sandbox.find("a") is sessions["a"]
    starts = [event.failed for event in events if isinstance(event, telemetry.KernelStarted)]
    assert starts == [False, False, False]
    assert telemetry.KernelStopped(reason="evicted") in events


async def test_opening_a_session_waits_while_all_sessions_are_busy(new_sandbox):
    sandbox = await new_sandbox(sessions=1)
    said = (await sandbox.open("a")).execute("print('started', flush=True)\nimport time\ntime.sleep(60)")
    await anext(said)
    waiting = asyncio.create_task(sandbox.open("b"))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    await said.aclose()
    async with asyncio.timeout(WAIT):
        assert await ok(await waiting, "1") == "1"


async def test_many_sessions_at_once_all_start(new_sandbox):
    sandbox = await new_sandbox()

    async def use(number):
        session = await sandbox.open(f"session {number}")
        await session.put("n", once(str(number).encode()))
        return int(await ok(session, "int(open('n').read()) ** 2"))

    assert await asyncio.gather(*map(use, range(6))) == [number**2 for number in range(6)]


@pytest.mark.slow
async def test_fifty_sessions_at_once_all_start(new_sandbox):
    sandbox = await new_sandbox(warm=2)

    async def use(number):
        session = await sandbox.open(f"session {number}")
        async with asyncio.timeout(120):
            return await ok(session, f"{number} ** 2")

    assert await asyncio.gather(*map(use, range(50))) == [str(number**2) for number in range(50)]


async def test_opening_one_key_twice_at_once_returns_one_session(new_sandbox):
    sandbox = await new_sandbox()
    first, second = await asyncio.gather(sandbox.open("a"), sandbox.open("a"))
    assert first is second


async def test_a_session_restarts_empty_with_a_note_after_its_sandbox_was_killed(new_sandbox):
    sandbox = await new_sandbox()
    session = await sandbox.open("a")
    before = session.id
    await session.put("a.txt", once(b"x"))
    psutil.Process(session._kernel._inner.pid).kill()
    await session._kernel._outer.gone.wait()
    ran = await run(session, "import os\nos.listdir()")
    assert ran.value == "[]"
    assert [note.lost for note in ran.notes] == ["everything"]
    assert session.id != before
    assert (await run(session, "1")).notes == []


async def test_opening_a_session_again_replaces_a_killed_sandbox(new_sandbox):
    sandbox = await new_sandbox()
    session = await sandbox.open("a")
    before = session.id
    psutil.Process(session._kernel._inner.pid).kill()
    await session._kernel._outer.gone.wait()
    assert await sandbox.open("a") is session
    assert session.id != before
    assert await session.list() == []


async def test_idle_kernels_are_started_in_advance(new_sandbox):
    sandbox = await new_sandbox(warm=2)
    await until(lambda: len(sandbox._pool._ready) == 2)
    ready = list(sandbox._pool._ready)
    session = await sandbox.open("a")
    assert session._kernel is ready[0]
    await until(lambda: len(sandbox._pool._ready) == 2)


async def test_a_dead_warm_kernel_is_not_assigned_to_a_session(new_sandbox):
    sandbox = await new_sandbox(warm=1)
    await until(lambda: sandbox._pool._ready)
    (dead,) = sandbox._pool._ready
    psutil.Process(dead._inner.pid).kill()
    await dead._outer.gone.wait()
    session = await sandbox.open("a")
    assert session._kernel is not dead
    assert await ok(session, "1") == "1"


async def test_without_a_setting_nothing_is_started_before_the_first_session(new_sandbox):
    sandbox = await new_sandbox(warm=None)
    await sandbox.check()
    assert not sandbox._watches
    await sandbox.open("a")
    await until(lambda: sandbox._pool._ready)


async def test_a_kernel_is_made_ready_for_a_session_that_is_expected(new_sandbox):
    sandbox = await new_sandbox(warm=None)
    sandbox.prepare()
    assert not sandbox._watches
    await sandbox.check()
    sandbox.prepare()
    await until(lambda: sandbox.count_warm == 1)


async def test_closing_the_sandbox_in_the_middle_of_starts_leaves_no_process(new_sandbox):
    sandbox = await new_sandbox(warm=2, disk_mb=33)
    opening = asyncio.create_task(sandbox.open("a"))
    assert await sandbox.check() is None
    await until(lambda: _processes("34603008"))
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await sandbox.stop()
    assert _processes("34603008") == []


def _processes(mark):
    """Of all users: a sandbox may have another one than its server."""
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if any(mark in word for word in process.info["cmdline"] or [])]
