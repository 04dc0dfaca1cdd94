"""One sandbox for all tests of a process, and sessions in it: of a test's own, or one that well-behaved tests share."""

import itertools

import pytest
import pytest_asyncio

from sandbox.machine import interpreter, require_sandbox
from understudy import telemetry
from understudy.clock import SystemClock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import open_sandbox

_keys = (f"test-{number}" for number in itertools.count(1))
HERE = "tests/sandbox/"


def pytest_collection_modifyitems(items):
    """Kernels live longer than a test, and so must the loop that they are heard on."""
    for item in items:
        if item.nodeid.startswith(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def settings():
    """Small limits, which are reached soon."""
    require_sandbox()
    return SandboxSettings(
        python=interpreter(),
        warm=1,
        cell_seconds=10,
        interrupt_seconds=1,
        memory_mb=512,
        disk_mb=32,
        processes=64,
        output_bytes=10_000,
    )


@pytest.fixture
def events():
    """What telemetry has of kernels during the test."""
    received = []
    ends = [telemetry.subscribe(kind, received.append) for kind in (telemetry.KernelStarted, telemetry.KernelStopped)]
    yield received
    for end in ends:
        end()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(settings):
    opened = open_sandbox(settings, SystemClock())
    assert await opened.check() is None
    await opened.start()
    yield opened
    await opened.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(sandbox):
    """A session of which tests leave nothing behind but variables."""
    return await sandbox.open("shared")


@pytest_asyncio.fixture(loop_scope="session")
async def session(sandbox):
    """A session of the test's own."""
    opened = await sandbox.open(next(_keys))
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_sandbox(settings):
    """Makes sandboxes with settings and clocks of the test's own."""
    import msgspec

    opened = []

    async def make(clock=None, **changes):
        sandbox = open_sandbox(msgspec.structs.replace(settings, **{"warm": 0, **changes}), clock or SystemClock())
        opened.append(sandbox)
        await sandbox.start()
        return sandbox

    yield make
    for sandbox in opened:
        await sandbox.stop()
