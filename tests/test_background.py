"""The one kind of background loop: it goes on whatever happens, and stops when it is told to."""

import asyncio
import logging

import pytest

from understudy import looper
from understudy.errors import StoreError
from understudy.looper import Looper


class Work:
    """Counts its calls, and raises what it was given for them; `wait_for` returns after so many."""

    def __init__(self, *failures):
        self.calls = 0
        self._failures = list(failures)
        self._called = asyncio.Condition()

    async def __call__(self):
        self.calls += 1
        async with self._called:
            self._called.notify_all()
        if self._failures:
            raise self._failures.pop(0)

    async def wait_for(self, count):
        async with asyncio.timeout(5), self._called:
            await self._called.wait_for(lambda: self.calls >= count)


async def test_it_repeats_until_it_is_stopped():
    work = Work()
    loop = Looper(0, work)
    await loop.start()
    await work.wait_for(10)
    await loop.stop()
    calls = work.calls
    await asyncio.sleep(0)
    assert work.calls == calls


async def test_a_failure_is_logged_and_does_not_end_it(caplog):
    work = Work(ValueError("broken"), StoreError("The database is away."), ValueError("again"))
    loop = Looper(0, work)
    await loop.start()
    await work.wait_for(5)
    await loop.stop()
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING, logging.ERROR]
    assert "The database is away." in caplog.text
    assert "broken" in caplog.text


async def test_a_stop_ends_work_that_is_under_way():
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    loop = Looper(0, work)
    await loop.start()
    async with asyncio.timeout(5):
        await begun.wait()
        await loop.stop()
    assert ended.is_set()


async def test_stopping_before_the_start_and_stopping_twice_do_nothing():
    loop = Looper(0, Work())
    await loop.stop()
    await loop.start()
    await loop.stop()
    await loop.stop()


async def test_it_waits_between_two_calls():
    work = Work()
    loop = Looper(3600, work)
    await loop.start()
    await asyncio.sleep(0)
    await loop.stop()
    assert work.calls == 0


async def test_delays_of_a_second_end_together_those_of_quarters_too_and_short_ones_do_not_change():
    aligned = {delay: looper.align_delay(delay) for delay in (1, 1.1, 2, 8, 60)}
    assert all(abs(end - delay) <= 0.51 for delay, end in aligned.items())
    # They end whole seconds apart.
    assert all((end - aligned[1] + 0.5) % 1 == pytest.approx(0.5, abs=0.1) for end in aligned.values())
    assert looper.align_delay(0.05) == 0.05
    quarters = {delay: looper.align_delay(delay) for delay in (0.2, 0.25, 0.5, 0.7)}
    assert all(0 < end <= delay + 0.25 for delay, end in quarters.items())
    assert all(((end - aligned[1]) * 4 + 0.5) % 1 == pytest.approx(0.5, abs=0.1) for end in quarters.values())
