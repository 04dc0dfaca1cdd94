"""Deadlines of calls, which share a timer."""

import asyncio

import pytest

from understudy.errors import UpstreamError
from understudy.llm.deadlines import Deadlines

SOON, LATER = 0.02, 60.0


@pytest.fixture
async def deadlines():
    made = Deadlines()
    yield made
    made.close()


def at(seconds):
    return asyncio.get_running_loop().time() + seconds


async def hang(deadlines, seconds):
    with deadlines.scope(at(seconds)):
        await asyncio.Event().wait()


async def test_a_call_ends_at_its_deadline(deadlines):
    with pytest.raises(UpstreamError, match="timed out") as caught:
        await hang(deadlines, SOON)
    assert caught.value.kind == "timeout"
    assert asyncio.current_task().cancelling() == 0


async def test_a_deadline_in_the_past_ends_a_call_that_waits(deadlines):
    with pytest.raises(UpstreamError):
        await hang(deadlines, -1.0)


async def test_each_call_has_a_deadline_of_its_own(deadlines):
    calls = [asyncio.create_task(hang(deadlines, seconds)) for seconds in (LATER, SOON, 2 * SOON, LATER)]
    done, _ = await asyncio.wait(calls, timeout=10.0, return_when=asyncio.FIRST_COMPLETED)
    # On a busy machine, the next deadline may have passed as well.
    assert calls[1] in done
    assert not done & {calls[0], calls[3]}
    assert isinstance(calls[1].exception(), UpstreamError)
    await asyncio.wait([calls[2]], timeout=10.0)
    assert isinstance(calls[2].exception(), UpstreamError)
    assert not calls[0].done()
    for call in (calls[0], calls[3]):
        call.cancel()
    await asyncio.wait(calls)
    assert calls[0].cancelled()


async def test_a_call_that_has_ended_is_not_cancelled(deadlines):
    with deadlines.scope(at(SOON)):
        pass
    await asyncio.sleep(2 * SOON)
    assert asyncio.current_task().cancelling() == 0


async def test_an_error_of_the_call_is_raised(deadlines):
    with pytest.raises(ValueError, match="own"), deadlines.scope(at(LATER)):
        raise ValueError("own")


async def test_another_cancellation_stays_one(deadlines):
    call = asyncio.create_task(hang(deadlines, LATER))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_timeout_around_the_call_stays_one(deadlines):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON):
            await hang(deadlines, LATER)
